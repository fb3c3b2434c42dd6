"""Messages: a campaign's subject and body in Liquid, rendered for one buyer. Preview and sending share this.

A template sees plain values and nothing else: no files, no other templates, no objects of ours; what it may cost is
limited (`campaigns.texts.templating`). A name it does not know is an error, never an empty space.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liquid.exceptions import LiquidError

from campaigns.campaign.content import Content
from campaigns.texts.templating import fill
from retention.errors import Invalid
from retention.i18n import LANGUAGES

MOST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Text:
    """What one buyer reads: a subject of one line, a body of plain paragraphs, and their language.

    `preheader` is the line that an inbox shows after the subject; empty for the beginning of the body.
    """

    subject: str
    body: str
    language: str
    preheader: str = ""


def choose_language(content: Content, *wanted: str) -> str:
    """Return the first wanted language the content has, else the first it has at all; Invalid when it has none."""
    for language in (*wanted, *LANGUAGES):
        if language in content:
            return language
    raise Invalid("The message has no text. Write it in English or Chinese.")


def render(content: Content, values: Mapping[str, Any], *, language: str) -> Text:
    """Render the content's text in `language`; Invalid names what the template asks for and cannot get."""
    text = content[language]
    subject = " ".join(_render(text.subject, values).split())  # one line, so no header can be smuggled in
    if not subject or len(subject) > MOST_SUBJECT:
        raise Invalid("A subject has 1 to {most} characters, this one {found}.", most=MOST_SUBJECT, found=len(subject))
    preheader = " ".join(_render(text.preheader, values).split())
    return Text(subject, _render(text.body, values).strip(), language, preheader[:MOST_SUBJECT])


def _render(source: str, values: Mapping[str, Any]) -> str:
    if "{" not in source:
        return source
    try:
        return fill(source, dict(values))
    except LiquidError as error:
        raise Invalid("The message cannot be rendered: {problem}.", problem=str(error.message).rstrip(".")) from error
