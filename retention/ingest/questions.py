"""Questions that only a person can answer: a file allows two readings, and nothing in it decides between them."""

from collections.abc import Mapping, Sequence

from retention.errors import Invalid


class Question(Invalid):
    """A column can be read in several ways; nothing is changed until the import is told which one is meant.

    `option` is the name of the `ImportOptions` field that answers it ("decimal", "dates"), `field` and `column` say
    where it arose, `examples` are cells of the column, and `choices` holds for each answer what it would make of each
    example, in their order. `{column}` and `{examples}` stand in the message.
    """

    def __init__(
        self,
        message: str,
        *,
        option: str,
        field: str,
        column: str,
        examples: Sequence[str],
        choices: Mapping[str, Sequence[str]],
    ) -> None:
        super().__init__(message, column=repr(column), examples=[repr(each) for each in examples])
        self.option = option
        self.field = field
        self.column = column
        self.examples = tuple(examples)
        self.choices = {answer: tuple(values) for answer, values in choices.items()}
        self.typed(f"question-{option}")
