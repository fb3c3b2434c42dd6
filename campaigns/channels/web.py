"""HTTP gateways: persistent connections, several requests at a time, and the meaning of each response.

Redirects are not followed, and no private address is connected to unless that is allowed. What a status means:
2xx is for the gateway's own reading; 429 and 503 say later, and may say when; 401, 403, 404 and redirects are about our
account, so that no buyer's message is given up for them; any other 4xx refuses this message. Another 5xx, a
response nobody can read, and silence after the request went out leave nobody the wiser.
"""

import http.client
import json
import select
import socket
import ssl
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from campaigns.campaign.media import Medium
from campaigns.channels.addresses import open_socket
from campaigns.channels.channel import Accepted, Message, Outcome, Refused, TryLater, Undecided, in_groups
from campaigns.channels.outages import NO_ANSWER, PLACE_AWAY, describe_error
from campaigns.channels.wire import read_response, write_request
from retention import clock

_OF_ACCOUNT = frozenset({401, 402, 403, 404, 405, 407})
_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request to a gateway."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body read as JSON; Undecided when it is none, since it is not the gateway that spoke."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Undecided(f"{self.status}, and what it said cannot be read: {self.excerpt()}") from error

    def excerpt(self) -> str:
        """Return the beginning of the body, for people."""
        return " ".join(self.body[:300].decode(errors="replace").split())


@dataclass(frozen=True)
class WebChannel:
    """A gateway by its two translations: a message to a request, a response to an outcome.

    `read_response` gets those with a 2xx status and raises as `hand_over_all` returns.
    """

    medium: Medium
    build_request: Callable[[Message], HttpRequest]
    read_response: Callable[[HttpResponse], Accepted]
    repeatable: bool = False
    at_once: int = 4
    timeout: float = 20
    allow_private: bool = False

    @contextmanager
    def connect(self) -> Iterator["_HttpConnections"]:
        connections = _HttpConnections(self)
        try:
            yield connections
        finally:
            connections.close()

    def post(self, message: Message) -> Accepted:
        """Hand over one message by a connection of its own; raises what `hand_over_all` returns."""
        with self.connect() as connections:
            (outcome,) = connections.hand_over_all([message])
        if isinstance(outcome, Accepted):
            return outcome
        raise outcome


class _HttpConnections:
    """Up to `at_once` connections, each taking the next message when it has its response."""

    def __init__(self, channel: WebChannel) -> None:
        self._channel = channel
        self._open: dict[int, _HttpConnection] = {}

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        return in_groups(self._work, messages, at_once=self._channel.at_once)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def _work(self, position: int, message: Message) -> Generator[None, None, Accepted]:
        request = self._channel.build_request(message)
        connection = self._open.get(position) or _HttpConnection(self._channel)
        self._open[position] = connection
        response = yield from connection.send(request)
        check_status(response)
        return self._channel.read_response(response)


class _HttpConnection:
    """One connection to one host, opened again when the other side hung up between two requests."""

    def __init__(self, channel: WebChannel) -> None:
        self._channel = channel
        self._to = ("", "")
        self._socket: socket.socket | None = None

    def send(self, request: HttpRequest) -> Generator[None, None, HttpResponse]:
        try:
            scheme, place, path, query, _ = urlsplit(request.url)
        except ValueError as error:
            raise TryLater(f"{request.url!r} is no address", of_sender=True) from error
        target = f"{path or '/'}{'?' if query else ''}{query}"
        sock = self._connect(scheme, place)
        request_bytes = write_request(request.method, place, target, headers=request.headers, body=request.body)
        try:
            sock.sendall(request_bytes)
            yield
            raw = read_response(sock, request.method)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise Undecided(NO_ANSWER.format(why=describe_error(error))) from error
        if not raw.keep_alive:
            self.close()
        return HttpResponse(raw.status, raw.headers, raw.body)

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None

    def _connect(self, scheme: str, place: str) -> socket.socket:
        if self._socket and self._to == (scheme, place) and not _has_hung_up(self._socket):
            return self._socket
        self.close()
        channel = self._channel
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        try:
            opening = kind(place, timeout=channel.timeout)
            opening._create_connection = (  # type: ignore[attr-defined]  # noqa: SLF001 - the one door to the connecting
                lambda to, timeout, *_: open_socket(to[0], to[1], timeout, allow_private=channel.allow_private)
            )
            opening.connect()
        except (OSError, ValueError, http.client.InvalidURL) as error:
            raise TryLater(
                PLACE_AWAY.format(place=place, why=describe_error(error)), connection_usable=False, of_sender=True
            ) from error
        self._socket, self._to = opening.sock, (scheme, place)
        return self._socket


def check_status(response: HttpResponse) -> None:
    """Raise what a status other than 2xx means."""
    status, words = response.status, f"{response.status} {response.excerpt()}".strip()
    if 200 <= status < 300:
        return
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        raise TryLater(words, of_sender=True, wait=read_wait(response.headers.get("retry-after", "")))
    if status in _OF_ACCOUNT or status == 503 or status < 400:
        raise TryLater(words, of_sender=True)
    if status in {408, 425}:
        raise TryLater(words)
    if status >= 500:
        raise Undecided(words)
    raise Refused(words)


def read_wait(text: str) -> timedelta:
    """Return how long Retry-After asks to wait, in seconds or as a date; at most an hour, 30 s if unsaid."""
    try:
        wait = timedelta(seconds=int(text)) if text.strip().isdecimal() else parsedate_to_datetime(text) - clock.now()
    except (ValueError, TypeError, OverflowError):
        return _WAIT
    return min(max(wait, timedelta(seconds=1)), _LONGEST_WAIT)


def _has_hung_up(sock: socket.socket) -> bool:
    """Tell whether there is something to read although nothing was asked: the end, as a rule."""
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    return bool(select.select([sock], [], [], 0)[0])
