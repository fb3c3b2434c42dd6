"""Questions that only a person can answer: a file allows two readings, and nothing in it decides between them."""

from collections.abc import Callable, Mapping, Sequence

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


class Refusals(Invalid):
    """Several things that a person has to say of a file, told at once: one sentence for each."""

    def __init__(self, parts: Sequence[Invalid]) -> None:
        super().__init__("")
        self.parts = tuple(parts)

    def say(self, translate: Callable[[str], str]) -> str:
        """Return all sentences, one after the other."""
        return " ".join(each.say(translate) for each in self.parts)


def refuse_all(parts: Sequence[Invalid]) -> None:
    """Raise what is wrong, all at once; nothing where nothing is."""
    if len(parts) > 1:
        raise Refusals(parts)
    if parts:
        raise parts[0]


def refuse_open(questions: Sequence[Question]) -> None:
    """Raise what a file leaves open, one question for each option: several columns may ask for the same answer."""
    first = {each.option: each for each in reversed(questions)}
    refuse_all([each for each in questions if first[each.option] is each])
