"""Pages: one Jinja environment for console, public pages and errors, in the current language.

Templates say `_("...")` and `{% trans %}`; what they print is escaped. Each page gets `language`, `csrf` (the form
token of the login), `request`, and `user`, `shop`, `member` where the endpoint's dependencies found them.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api import forms
from retention import clock, money
from retention.i18n import current_language, current_locale, gettext, ngettext

_HERE = Path(__file__).parent

try:
    VERSION = version("regulars")
except PackageNotFoundError:  # run from a checkout that is not installed
    VERSION = "0"


@dataclass(frozen=True)
class StaticFolder:
    """A folder of files sent as they are."""

    address: str
    path: Path


STATIC_FOLDERS = (
    StaticFolder("/static/public", _HERE / "public" / "static"),
    StaticFolder("/static", _HERE / "console" / "static"),
)
TEMPLATE_FOLDERS = (_HERE / "console" / "templates", _HERE / "public" / "templates", _HERE / "templates")


def page(
    request: Request, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: object
) -> HTMLResponse:
    """Return a template filled with `context` and what every page knows."""
    known = {name: getattr(request.state, name, None) for name in ("user", "shop", "member")}
    text = environment.get_template(template).render(
        {**known, "request": request, "language": current_language(), "csrf": form_token(request), **context}
    )
    return HTMLResponse(text, status, {"Content-Language": current_language(), **(headers or {})})


def form_token(request: Request) -> str:
    """Return the token that this visitor's forms carry; empty without a login."""
    secret = request.cookies.get(forms.LOGIN_COOKIE, "")
    return forms.token_for(request.app.state.settings.signing_key(), secret) if secret else ""


@cache
def static(path: str) -> str:
    """Return the address of a static file, with a mark that changes with its content."""
    for folder in STATIC_FOLDERS:
        prefix = folder.address.removeprefix("/static").strip("/")
        file = folder.path / path.removeprefix(prefix).lstrip("/")
        if path.startswith(prefix) and file.is_file():
            return f"/static/{path}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:10]}"
    return f"/static/{path}"


def show_money(amount: int, currency: str) -> str:
    """Return minor units as money: ¥20."""
    return money.show(amount, currency, current_locale())


def show_number(value: float) -> str:
    """Return a number with its thousands apart."""
    return format_decimal(value, locale=current_locale())


def show_percent(share: float, digits: int = 1) -> str:
    """Return a share of one as a percentage: 4.6%."""
    pattern = "#,##0." + "0" * digits + "%" if digits else "#,##0%"
    return format_percent(share, pattern, locale=current_locale())


def show_moment(at: datetime, timezone: str, form: str = "medium") -> str:
    """Return a moment on the clocks of `timezone`. `form` is Babel's: short, medium, long, or a pattern."""
    return format_datetime(at, form, tzinfo=clock.zone(timezone), locale=current_locale())


def _open_environment() -> Environment:
    opened = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    opened.add_extension("jinja2.ext.i18n")
    install = opened.install_gettext_callables  # type: ignore[attr-defined]
    install(gettext, ngettext, newstyle=True)
    opened.globals |= {"static": static, "version": VERSION}
    opened.filters |= {"money": show_money, "number": show_number, "percent": show_percent, "moment": show_moment}
    return opened


environment = _open_environment()
"""Shared by every page; the console adds its own filters to it."""
