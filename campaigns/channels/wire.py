"""HTTP/1.1 on an open socket: one question as one write, and its answer; the usual kind is read without the library.

`http.client` writes head and body apart, so that the other side wakes up twice, and reads headers by the mail parser:
together they take longer than making the message. An answer that is not of the usual kind (chunked, folded, without a
length, in more than one piece) is left to it, from its first byte.
"""

import http.client
import io
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from campaigns.channels.channel import Refused, TryLater

MOST_ANSWER = 65_536
"""Bytes of an answer that are read."""

_TARGET = re.compile(r"[!-~]+")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\xa0-\xff]*")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_USUAL = re.compile(rb"HTTP/1\.1 ([2-5]\d\d)(?: [^\r\n]*)?\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)+)\r\n")
_NO_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; header names in lower case. The line `stands` when it can take the next question."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stands: bool


def write_request(method: str, place: str, target: str, *, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request as it goes over the wire; nothing in it can be taken for another line.

    TryLater for an address, Refused for a header, that cannot be written. How long the body is, is for us to say.
    """
    if not _TARGET.fullmatch(target):
        raise TryLater(f"this cannot be asked for: {target[:80]!r}", of_sender=True)
    own = {name.lower(): (name, value) for name, value in headers.items() if name.lower() not in _FRAMING}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in own:
        lines.append(f"Host: {place if place.isascii() else place.encode('idna').decode()}")
    if "accept-encoding" not in own:
        lines.append("Accept-Encoding: identity")
    if body or method not in {"GET", "HEAD"}:
        lines.append(f"Content-Length: {len(body)}")
    for name, value in own.values():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Refused(f"this cannot be a header: {name[:80]!r}: {value[:80]!r}")
        lines.append(f"{name}: {value}")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1") + body


def read_reply(line: socket.socket, method: str) -> Reply:
    """Read the answer to a question; OSError or HTTPException when there is none or it cannot be made out."""
    first = line.recv(MOST_ANSWER)
    return _usual(first, method) or _any(line, first, method)


def _usual(first: bytes, method: str) -> Reply | None:
    """Return an answer that came in one piece, with its length and with nothing to it; None for any other."""
    head = _USUAL.match(first)
    if head is None or method == "HEAD" or (status := int(head[1])) in _NO_BODY:
        return None
    pairs = [header.partition(":") for header in head[2].decode("latin-1").split("\r\n")[:-1]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in pairs}
    body = first[head.end() :]
    plain = len(headers) == len(pairs) and headers.get("content-length") == str(len(body))
    if not plain or "transfer-encoding" in headers or "connection" in headers:
        return None
    return Reply(status, headers, body, stands=True)


def _any(line: socket.socket, first: bytes, method: str) -> Reply:
    response = http.client.HTTPResponse(cast("socket.socket", _Begun(line, first)), method=method)
    try:
        response.begin()
        body = response.read(MOST_ANSWER)
        stands = response.isclosed() and not response.will_close  # else there is more than we read
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, body, stands)
    finally:
        response.close()


class _Begun(io.RawIOBase):
    """A socket from which the first bytes have been read, as the library wants to see it."""

    def __init__(self, line: socket.socket, first: bytes) -> None:
        self._line, self._first = line, first

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        if not self._first:
            return self._line.recv_into(room)
        part, self._first = self._first[: len(room)], self._first[len(room) :]
        room[: len(part)] = part
        return len(part)
