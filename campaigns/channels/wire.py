"""HTTP/1.1 on an open socket: one request as one write, and its response; the usual kind is read without the library.

`http.client` writes head and body apart, so that the other side wakes up twice, and reads headers by the mail parser:
together they take longer than making the message. A response that is not of the usual kind (chunked, folded, without a
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

MOST_RESPONSE = 65_536
"""Bytes of a response that are read."""

_TARGET = re.compile(r"[!-~]+")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\xa0-\xff]*")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_USUAL = re.compile(rb"HTTP/1\.1 ([2-5]\d\d)(?: [^\r\n]*)?\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)+)\r\n")
_NO_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class RawResponse:
    """What came back; header names in lower case. `keep_alive`: the connection can take the next request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool


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


def read_response(sock: socket.socket, method: str) -> RawResponse:
    """Read the response to a request; OSError or HTTPException when there is none or it cannot be made out."""
    first = sock.recv(MOST_RESPONSE)
    return _usual(first, method) or _any(sock, first, method)


def _usual(first: bytes, method: str) -> RawResponse | None:
    """Return a response that came in one piece, with its length and with nothing to it; None for any other."""
    head = _USUAL.match(first)
    if head is None or method == "HEAD" or (status := int(head[1])) in _NO_BODY:
        return None
    pairs = [header.partition(":") for header in head[2].decode("latin-1").split("\r\n")[:-1]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in pairs}
    body = first[head.end() :]
    plain = len(headers) == len(pairs) and headers.get("content-length") == str(len(body))
    if not plain or "transfer-encoding" in headers or "connection" in headers:
        return None
    return RawResponse(status, headers, body, keep_alive=True)


def _any(sock: socket.socket, first: bytes, method: str) -> RawResponse:
    response = http.client.HTTPResponse(cast("socket.socket", _Begun(sock, first)), method=method)
    try:
        response.begin()
        body = response.read(MOST_RESPONSE)
        keep_alive = response.isclosed() and not response.will_close  # else there is more than we read
        headers = {name.lower(): value for name, value in response.getheaders()}
        return RawResponse(response.status, headers, body, keep_alive)
    finally:
        response.close()


class _Begun(io.RawIOBase):
    """A socket from which the first bytes have been read, as the library wants to see it."""

    def __init__(self, sock: socket.socket, first: bytes) -> None:
        self._sock, self._first = sock, first

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._first:
            return self._sock.recv_into(buffer)
        part, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
