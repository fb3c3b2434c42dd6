"""Outages: why another system cannot be reached, as short sentences.

The sentence is stored with the sender in English and translated where it is shown; the response of the other system
stays as it came.
"""

import errno
import re
import socket
from collections.abc import Iterator

from retention.i18n import gettext as _
from retention.i18n import gettext_noop

MAIL_AWAY = gettext_noop("the mail server cannot be reached: {why}")
MAIL_LOGIN = gettext_noop("the mail server rejected this user and password: {why}")
CONNECTION_BROKE = gettext_noop("the connection was lost: {why}")
CONNECTION_BROKE_LATE = gettext_noop("the connection was lost before the response: {why}")
PLACE_AWAY = gettext_noop("{place} cannot be reached: {why}")
NO_ANSWER = gettext_noop("no response: {why}")
INSIDE = gettext_noop("{place} is an address inside this network, which this installation does not allow")
_SENTENCES = (MAIL_AWAY, MAIL_LOGIN, CONNECTION_BROKE, CONNECTION_BROKE_LATE, NO_ANSWER, PLACE_AWAY, INSIDE)

_REFUSED = gettext_noop("connection refused at this host and port")
_NO_HOST = gettext_noop("host name not found")
_SILENT = gettext_noop("timed out")
_NO_WAY = gettext_noop("no route to host")
_HUNG_UP = gettext_noop("connection closed by the server")
_PLAIN = (_REFUSED, _NO_HOST, _SILENT, _NO_WAY, _HUNG_UP)


def describe_error(error: Exception) -> str:
    """Return what went wrong on the way as a person says it; an error of another kind speaks for itself."""
    for each in _chain(error):
        if isinstance(each, ConnectionRefusedError):
            return _REFUSED
        if isinstance(each, socket.gaierror):
            return _NO_HOST
        if isinstance(each, TimeoutError) or str(each).endswith("timed out"):
            return _SILENT
        if isinstance(each, OSError) and each.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH}:
            return _NO_WAY
        if isinstance(each, ConnectionResetError | BrokenPipeError) or str(each) == "Connection unexpectedly closed":
            return _HUNG_UP
    return str(error) or type(error).__name__


def translated(detail: str) -> str:
    """Return a kept detail in the language being spoken, as far as it is ours."""
    for sentence in _SENTENCES:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", re.escape(sentence))
        if found := re.fullmatch(pattern, detail, re.DOTALL):
            values = {name: _(value) if value in _PLAIN else value for name, value in found.groupdict().items()}
            return _(sentence).format(**values)
    return _(detail) if detail in _PLAIN else detail


def _chain(error: BaseException) -> Iterator[BaseException]:
    yield error
    if error.__cause__ or error.__context__:
        yield from _chain(error.__cause__ or error.__context__)  # type: ignore[arg-type]
