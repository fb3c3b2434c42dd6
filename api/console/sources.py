"""Sources of a buyer's answer: those that forms offer, and those that other ways of recording use."""

from retention.i18n import gettext as _
from retention.i18n import gettext_noop

SOURCE_NAMES = {
    "phone": gettext_noop("by phone"),
    "mail": gettext_noop("by email"),
    "in person": gettext_noop("in person"),
    "chat": gettext_noop("in a chat"),
}
"""What somebody who records an answer chooses from."""

_OTHERS = {
    "unsubscribe link": gettext_noop("on the unsubscribe page"),
    "sms reply": gettext_noop("by replying to a text message"),
    "complaint": gettext_noop("marked as spam"),
    "erased": gettext_noop("on erasure"),
}
_FILE = "import:"


def source_options() -> list[tuple[str, str]]:
    """Return the ways of telling, as a form offers them."""
    return [(source, _(words)) for source, words in SOURCE_NAMES.items()]


def in_words(source: str) -> str:
    """Return how an answer came as a person says it; a shop's own word for it stays as it is."""
    if source.startswith(_FILE):
        return _("from the file {file}").format(file=source.removeprefix(_FILE))
    words = SOURCE_NAMES.get(source) or _OTHERS.get(source)
    return _(words) if words else source
