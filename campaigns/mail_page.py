"""The page of a mail: one built-in template with the shop's logo and colour, and its plain twin with the same links.

Tables, inline styles and 600 pixels, because mail programs know little more; every colour has a twin for dark screens.
"""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from campaigns.branding import PLAIN, Look
from campaigns.messages import Text
from retention import words
from retention.words import gettext as _


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the text: who writes, the one button, the coupon if there is one, the way out."""

    shop: str
    link: str
    unsubscribe: str
    look: Look = PLAIN
    logo_address: str = ""
    code: str = ""
    ends: str = ""
    headline: str = ""
    terms: str = ""


def set_mail(text: Text, frame: Frame) -> tuple[str, str]:
    """Return the mail as HTML and as plain text, in the language of `text`."""
    with words.speaking(text.language):
        shown = {
            "language": text.language,
            "subject": text.subject,
            "preheader": text.preheader,
            "body": text.body,
            "paragraphs": [part.split("\n") for part in text.body.split("\n\n")],
            "button": _("Get the coupon") if frame.code else _("See it in the shop"),
            "frame": frame,
            "look": frame.look,
        }
        return _template("mail.html").render(shown), _template("mail.txt").render(shown)


def logo_address(public_url: str, look: Look) -> str:
    """Return where a mail program finds the shop's logo; empty where it has none."""
    return f"{public_url.rstrip('/')}/logo/{look.logo}" if look.logo else ""


@cache
def _template(name: str) -> Template:
    pages = Environment(
        loader=PackageLoader("campaigns"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    pages.globals["_"] = _
    return pages.get_template(name)
