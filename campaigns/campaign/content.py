"""Content: what a campaign says, as one template per language: subject, body and preheader in Liquid."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from types import MappingProxyType

from retention.errors import Invalid
from retention.i18n import LANGUAGES

MOST_BODY = 20_000
_NEEDED = frozenset({"subject", "body"})
_OPTIONAL = frozenset({"preheader"})


@dataclass(frozen=True, slots=True)
class Template:
    """What is written in one language. `preheader` is the line that an inbox shows after the subject."""

    subject: str
    body: str
    preheader: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """All that is written, in no order that matters."""
        return astuple(self)


Content = Mapping[str, Template]


def read_content(values: object) -> Content:
    """Return a content from its stored or sent values, {language: {"subject", "body"}}; Invalid says what is wrong."""
    if not isinstance(values, dict):
        raise Invalid("The content is an object with a text per language, not {found}.", found=repr(values)[:60])
    return MappingProxyType({language: _template(language, text) for language, text in values.items()})


def _template(language: object, text: object) -> Template:
    if language not in LANGUAGES:
        raise Invalid("{language} is not a supported language. Use en or zh-CN.", language=repr(language))
    if not isinstance(text, dict) or not set(text) >= _NEEDED or not set(text) <= _NEEDED | _OPTIONAL:
        raise Invalid(
            "The text in {language} needs a subject and a body; it may have a preheader, and nothing else.",
            language=language,
        )
    if not all(isinstance(part, str) and len(part) <= MOST_BODY for part in text.values()):
        raise Invalid("The subject and the text have at most {most} characters.", most=MOST_BODY)
    return Template(**text)
