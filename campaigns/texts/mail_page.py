"""The email template, with the shop's logo and colour, and its plain text part with the same links.

Tables, inline styles and 600 pixels, because mail programs know little more; every colour has a twin for dark screens.

All mails of a run are alike but for a few places: the page is rendered once with marks in these places, which are then
filled in for each buyer, escaped as the template would have. The bytes are those of a full rendering.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import escape

from campaigns.texts.branding import PLAIN, BrandStyle
from campaigns.texts.messages import Text
from retention import i18n
from retention.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class MailFrame:
    """What stands around the text: who writes, the one button, the coupon if there is one, the way out."""

    shop: str
    link: str
    unsubscribe: str
    style: BrandStyle = PLAIN
    logo_address: str = ""
    code: str = ""
    ends: str = ""
    headline: str = ""
    terms: str = ""


def render_mail(text: Text, frame: MailFrame) -> tuple[str, str]:
    """Return the mail as HTML and as plain text, in the language of `text`."""
    common = replace(
        frame,
        link=_MARKS["link"],
        unsubscribe=_MARKS["unsubscribe"],
        code=frame.code and _MARKS["code"],
        ends=frame.ends and _MARKS["ends"],
    )
    page = _page(text.language, common)
    own = {"link": frame.link, "unsubscribe": frame.unsubscribe, "code": frame.code, "ends": frame.ends}
    return page.as_html(text, own), page.as_plain(text, own)


def render_mail_in_full(text: Text, frame: MailFrame) -> tuple[str, str]:
    """Return the same from the templates themselves: what `render_mail` is made from, and compared with."""
    with i18n.speaking(text.language):
        shown = {
            "language": text.language,
            "subject": text.subject,
            "preheader": text.preheader,
            "body": text.body,
            "paragraphs": _paragraphs(text),
            "button": _("Claim coupon") if frame.code else _("View in shop"),
            "frame": frame,
            "style": frame.style,
        }
        return _template("mail.html").render(shown), _template("mail.txt").render(shown)


def logo_address(public_url: str, style: BrandStyle) -> str:
    """Return where a mail program finds the shop's logo; empty where it has none."""
    return f"{public_url.rstrip('/')}/logo/{style.logo}" if style.logo else ""


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


_OWN = secrets.token_hex(8)  # so that no text of a shop can hold a mark; letters and digits, so that nothing escapes it
_MARKS = {
    name: f"{_OWN}{name}{_OWN}"
    for name in ("subject", "preheader", "body", "line", "paragraph", "link", "unsubscribe", "code", "ends")
}
_MARK = re.compile(f"{_OWN}([a-z]+){_OWN}")


@dataclass(frozen=True, slots=True)
class _Page:
    """A mail rendered with marks: texts and names of marks in turn, and what stands between lines and paragraphs."""

    html: tuple[str, ...]
    plain: tuple[str, ...]
    line_seam: str
    paragraph_seam: str

    def as_html(self, text: Text, own: Mapping[str, str]) -> str:
        paragraphs = _paragraphs(text)
        values = {name: str(escape(value)) for name, value in own.items()}
        values["subject"] = str(escape(text.subject))
        values["preheader"] = str(escape(text.preheader or " ".join(paragraphs[0])))
        escaped = (self.line_seam.join([str(escape(line)) for line in lines]) for lines in paragraphs)
        values["body"] = self.paragraph_seam.join(escaped)
        return _filled(self.html, values.__getitem__)

    def as_plain(self, text: Text, own: Mapping[str, str]) -> str:
        return _filled(self.plain, {**own, "body": text.body}.__getitem__)


@lru_cache(maxsize=64)
def _page(language: str, common: MailFrame) -> _Page:
    """Return the page all mails of a run have in common; the body's mark stands for its lines and paragraphs."""
    lines = f"{_MARKS['body']}\n{_MARKS['line']}\n\n{_MARKS['paragraph']}"
    marked = Text(_MARKS["subject"], lines, language, _MARKS["preheader"])
    html, plain = (_MARK.split(part) for part in render_mail_in_full(marked, common))
    body = html.index("body")
    line_seam, paragraph_seam = html[body + 1], html[body + 3]
    del html[body + 1 : body + 5]
    plain_body = plain.index("body")
    del plain[plain_body + 1 : plain_body + 5]
    return _Page(tuple(html), tuple(plain), line_seam, paragraph_seam)


def _filled(parts: tuple[str, ...], value: Callable[[str], str]) -> str:
    whole = list(parts)
    whole[1::2] = map(value, parts[1::2])
    return "".join(whole)


def _paragraphs(text: Text) -> list[list[str]]:
    return [part.split("\n") for part in text.body.split("\n\n")]
