"""Checks of the settings: each returns the value or a ValueError that says what would be right.

They look at the value alone; whether a server is there is found out when it is needed.
"""

import re
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DATABASES = {"sqlite", "sqlite+pysqlite", "postgres", "postgresql", "postgresql+psycopg"}
_HOST = re.compile(r"[\w.:\[\]%-]+\Z")


def check_database(value: str) -> str:
    """An address of SQLite or PostgreSQL."""
    right = "write postgresql://user:password@host/name, or leave it empty for SQLite in REGULARS_HOME"
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(f"it cannot be read as an address; {right}") from None
    if url.drivername not in DATABASES:
        raise ValueError(f"Regulars works with SQLite and PostgreSQL, not with {url.drivername}; {right}")
    if url.drivername.startswith("sqlite") and url.database in {None, "", ":memory:"}:
        raise ValueError(f"SQLite needs a file, such as sqlite:////srv/regulars/regulars.db; {right}")
    if url.port is not None and not 0 < url.port < 65_536:
        raise ValueError(f"port {url.port} is not between 1 and 65535")
    return value


def check_folder(value: Path) -> Path:
    """A folder, or a place where one can be made."""
    try:
        nearest = next(each for each in (value, *value.absolute().parents) if each.exists())
    except (OSError, ValueError) as error:
        raise ValueError(f"it cannot be looked at ({type(error).__name__}); name a folder") from None
    if not nearest.is_dir():
        raise ValueError(f"{nearest} is a file; name a folder")
    return value


def check_broker(value: str) -> str:
    """An address whose scheme the queue knows, and whose client is installed."""
    from kombu.transport import TRANSPORT_ALIASES, get_transport_cls  # late: commands need no queue

    right = "write redis://host:6379/0, or leave it empty for a queue in REGULARS_HOME"
    parts = _split(value, right)
    if parts.scheme not in TRANSPORT_ALIASES:
        raise ValueError(f"no queue is called {parts.scheme or 'that'}; {right}")
    try:
        get_transport_cls(parts.scheme)
    except ImportError as error:
        raise ValueError(f"the client for {parts.scheme} is not installed ({error})") from None
    if parts.scheme in {"redis", "rediss"}:
        _need_host(parts, right)
        if not re.fullmatch(r"(/\d*)?", parts.path):
            raise ValueError(f"a database of Redis is a number, not {parts.path[1:]}; {right}")
    return value


def check_public(value: str) -> str:
    """The address of a site, to which paths are added."""
    right = "write https://r.example.cn"
    parts = _split(value, right)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"buyers reach http:// and https:// only; {right}")
    _need_host(parts, right)
    if parts.username is not None or parts.query or parts.fragment or value.endswith(("?", "#")):
        raise ValueError(f"paths are added to it, so nothing may stand before the host or after a path; {right}")
    return value


def check_mail_server(value: str) -> str:
    """An address of a mail server."""
    right = "write smtp://user:password@host:587 or smtps://user:password@host"
    parts = _split(value, right)
    if parts.scheme not in {"smtp", "smtps"}:
        raise ValueError(f"it begins with neither smtp:// nor smtps://; {right}")
    _need_host(parts, right)
    return value


def check_sender(value: str) -> str:
    """A mail address, with or without a name."""
    local, at, domain = parseaddr(value)[1].rpartition("@")
    if not (at and local and _HOST.match(domain)) or not value.isprintable():
        raise ValueError("it holds no mail address; write Shop <shop@example.cn>")
    return value


def check_files(value: str) -> str:
    """A folder, or an address that fsspec knows and can open."""
    scheme, separator, _ = value.partition("://")
    if separator:
        from fsspec import get_filesystem_class  # late: a folder needs none

        try:
            get_filesystem_class(scheme)  # type: ignore[no-untyped-call]
        except (ImportError, ValueError) as error:
            raise ValueError(f"{error}; name a folder, or an address such as s3://bucket/regulars") from None
    else:
        check_folder(Path(value))
    return value


def shown(value: object) -> str:
    """Return a value as a message may show it: without a password."""
    return re.sub(r"//[^/@]*@", "//...@", str(value))[:100]


def _split(value: str, right: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"it cannot be read as an address ({error}); {right}") from None
    if not value.isprintable() or " " in value:
        raise ValueError(f"it holds blanks or characters that cannot be seen; {right}")
    if port == 0:
        raise ValueError(f"port 0 is not between 1 and 65535; {right}")
    return parts


def _need_host(parts: SplitResult, right: str) -> None:
    if not parts.hostname or not _HOST.match(parts.hostname):
        raise ValueError(f"it names no host; {right}")
