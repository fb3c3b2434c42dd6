"""Protection of forms: the token of a login, and the origin of a request.

The token is the HMAC of the login's secret, so nothing is stored; it travels in a hidden field (`csrf`) or, for HTMX,
in the header `X-CSRF-Token`. Pages without a login (sign in, claim) rely on the origin alone, which every browser of
the last years states.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import FormData

from retention.errors import Forbidden
from retention.i18n import gettext_noop

LOGIN_COOKIE = "regulars_login"
FIELD = "csrf"
HEADER = "X-CSRF-Token"
CLOSING = "regulars_closing"
"""Where the scope of a request keeps what is closed when it is answered, an AsyncExitStack."""
MOST_FIELDS = 50_000
MOST_TEXT = 8_000_000
"""Fields of a form and bytes of one field: a rule of thousands of conditions, a list of 50,000 products."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def token_for(key: bytes, secret: str) -> str:
    """Return the form token of a login secret."""
    return hmac.new(key, b"form:" + secret.encode(), hashlib.sha256).hexdigest()


async def read_fields(request: Request) -> FormData:
    """Return the fields of a form; whoever asks first sets how many there may be, so everybody asks here.

    Files that came along are closed when the request is answered.
    """
    fields = await request.form(max_fields=MOST_FIELDS, max_part_size=MOST_TEXT)
    request.scope[CLOSING].push_async_callback(fields.close)
    return fields


async def read_texts(request: Request) -> FormData:
    """Return the fields that are texts; a file where a text belongs counts for nothing."""
    return FormData([each for each in (await read_fields(request)).multi_items() if isinstance(each[1], str)])


async def check_token(request: Request) -> None:
    """Refuse an unsafe request whose token is not that of its login."""
    secret = request.cookies.get(LOGIN_COOKIE, "")
    if request.method in SAFE_METHODS or not secret:
        return
    sent = request.headers.get(HEADER) or (await read_fields(request)).get(FIELD)
    wanted = token_for(request.app.state.settings.signing_key(), secret)
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), wanted.encode()):
        raise Forbidden(gettext_noop("This form has expired. Reload the page and submit it again."))


def is_cross_site(method: str, headers: Mapping[str, str], public_url: str) -> bool:
    """Tell whether a browser sent an unsafe request from a page of another site.

    Sec-Fetch-Site is believed first, then Origin against the host asked for; without both it was no browser.
    """
    if method in SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site")
    if site in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is None:
        return site is not None
    try:
        host = urlsplit(origin).netloc
    except ValueError:  # such as http://[
        return True
    return host not in {headers.get("host"), urlsplit(public_url).netloc}
