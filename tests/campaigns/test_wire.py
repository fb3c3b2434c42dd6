"""Questions and answers over HTTP/1.1, byte by byte: nothing is smuggled in, and every kind of answer is read alike."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from campaigns.channels.channel import Refused, TryLater
from campaigns.channels.wire import RawResponse, read_response, write_request


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(5)
        yield here, there


def test_request_is_one_text_with_its_length() -> None:
    asked = write_request("POST", "g.example:81", "/a?b=c", headers={"X-Key": "k"}, body="茶".encode())
    assert asked == (
        b"POST /a?b=c HTTP/1.1\r\nHost: g.example:81\r\nAccept-Encoding: identity\r\n"
        b"Content-Length: 3\r\nX-Key: k\r\n\r\n\xe8\x8c\xb6"
    )


def test_framing_is_ours_and_the_host_may_be_named() -> None:
    headers = {"Content-Length": "99", "transfer-encoding": "chunked", "HOST": "other.example"}
    assert write_request("GET", "g.example", "/", headers=headers, body=b"") == (
        b"GET / HTTP/1.1\r\nAccept-Encoding: identity\r\nHOST: other.example\r\n\r\n"
    )


def test_host_in_other_letters_is_written_as_names_are_asked_for() -> None:
    assert b"\r\nHost: xn--cl1a.example:81\r\n" in write_request("GET", "茶.example:81", "/", headers={}, body=b"")


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\0", "茶"])
def test_header_that_would_not_be_one_line_is_refused(value: str) -> None:
    with pytest.raises(Refused, match="cannot be a header"):
        write_request("POST", "g.example", "/", headers={"X": value}, body=b"")


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY"])
def test_header_without_a_proper_name_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="cannot be a header"):
        write_request("POST", "g.example", "/", headers={name: "a"}, body=b"")


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: b", "/茶"])
def test_address_that_would_not_be_one_word_waits_for_its_setting(target: str) -> None:
    with pytest.raises(TryLater, match="cannot be asked for"):
        write_request("POST", "g.example", target, headers={}, body=b"")


ANSWERS = {
    "in one piece": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nok"],
        RawResponse(200, {}, b"ok", keep_alive=True),
    ),
    "without a word for its status": (
        [b"HTTP/1.1 422\r\nContent-Length: 0\r\n\r\n"],
        RawResponse(422, {}, b"", keep_alive=True),
    ),
    "in pieces": (
        [b"HTTP/1.1 200 OK\r\nContent-", b"Length: 2\r\n\r\no", b"k"],
        RawResponse(200, {}, b"ok", keep_alive=True),
    ),
    "in chunks": (
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"],
        RawResponse(200, {}, b"ok", keep_alive=True),
    ),
    "after a word on the way": (
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        RawResponse(200, {}, b"ok", keep_alive=True),
    ),
    "without a body": ([b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"], RawResponse(204, {}, b"", keep_alive=True)),
    "with a farewell": (
        [b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"],
        RawResponse(503, {}, b"no", keep_alive=False),
    ),
    "of the older kind": (
        [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        RawResponse(200, {}, b"ok", keep_alive=False),
    ),
    "folded": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\r\n b\r\n\r\nok"],
        RawResponse(200, {}, b"ok", keep_alive=True),
    ),
    "longer than it says": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP"],
        RawResponse(200, {}, b"ok", keep_alive=True),
    ),
    "longer than is read": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"a" * 70_000],
        RawResponse(200, {}, b"a" * 65_536, keep_alive=False),
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_answer_is_read_whatever_form_it_has(ends: tuple[socket.socket, socket.socket], kind: str) -> None:
    parts, expected = ANSWERS[kind]
    here, there = ends
    there.sendall(b"".join(parts))
    found = read_response(here, "POST")
    assert (found.status, found.body, found.keep_alive) == (expected.status, expected.body, expected.keep_alive)


@pytest.mark.parametrize("cut", range(1, 45))
def test_answer_is_the_same_wherever_it_is_cut(cut: int) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok"

    class Slow:
        """The socket, handing out the first `cut` bytes and then the rest."""

        def __init__(self) -> None:
            self.parts = [whole[:cut], whole[cut:]]

        def recv(self, _most: int) -> bytes:
            return self.parts.pop(0)

        def recv_into(self, buffer: bytearray) -> int:
            part = self.parts.pop(0)
            buffer[: len(part)] = part
            return len(part)

    found = read_response(Slow(), "POST")  # type: ignore[arg-type]
    assert found == RawResponse(200, {"content-length": "2", "x": "y"}, b"ok", keep_alive=True)


def test_answer_that_breaks_off_is_what_came_and_the_line_is_gone(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    there.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
    there.close()
    found = read_response(here, "POST")
    assert (found.status, found.body, found.keep_alive) == (200, b"ok", False)


@pytest.mark.parametrize("said", [b"", b"HT", b"220 mail.example\r\n"])
def test_silence_a_fragment_and_another_tongue_are_no_answers(
    ends: tuple[socket.socket, socket.socket], said: bytes
) -> None:
    here, there = ends
    there.sendall(said)
    there.close()
    with pytest.raises((http.client.HTTPException, OSError)):
        read_response(here, "POST")
