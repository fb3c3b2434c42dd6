"""The four formats we write by hand (decision 14), each held against a library of others on generated values."""

import email
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default
from email.utils import parseaddr

import h11
import numpy as np
import pikepdf
import pypdfium2
import pytest
import siphash24
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.channels.channel import Message
from campaigns.channels.mime import build_mail
from campaigns.channels.wire import read_response, write_request
from campaigns.plans.assignment import siphash
from printables.drawing.pdf import Parts, Writer, form_of

MAIL = Message(
    to="ada@example.com", sender="shop@shop.example", sender_name="Tea", subject="", text="", html="",
    language="zh-CN", message_id="<1.abc@shop.example>", unsubscribe_address="https://shop.example/u/abc",
)  # fmt: skip
quick = settings(deadline=None, max_examples=60)
letters = st.characters(codec="utf-8")
one_line = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"], include_characters=" "))
text = st.text(letters, max_size=2000)


@quick
@given(subject=one_line, name=one_line, words=text, page=text)
def test_a_mail_is_read_back_by_the_library(subject: str, name: str, words: str, page: str) -> None:
    subject, name = " ".join(subject.split()), " ".join(name.split())
    raw = build_mail(replace(MAIL, subject=subject, sender_name=name, text=words, html=page))
    assert max(map(len, raw.split(b"\r\n"))) < 998
    read = email.message_from_bytes(raw, policy=default)
    assert isinstance(read, EmailMessage)
    assert read.defects == []
    assert read["Subject"] == subject
    called, address = parseaddr(compat32.header_fetch_parse("From", str(dict(read.raw_items())["From"])))
    assert (str(make_header(decode_header(called))), address) == (name, MAIL.sender)
    parts = [part for part in read.iter_parts() if isinstance(part, EmailMessage)]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [as_read(part) for part in parts] == [as_lines(words), as_lines(page)]


def as_read(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.removesuffix(b"\r\n")  # in a part as it is, the last line end belongs to the boundary


def as_lines(said: str) -> bytes:
    """What a text is on the wire: lines ending in CRLF."""
    return said.encode().rstrip(b"\r\n").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


token = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-"), min_size=1, max_size=20)
value = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=50)
headers = st.dictionaries(token.map("x-{}".format), value, max_size=5)
bodies = st.binary(max_size=3000)


@quick
@given(target=value.map("/{}".format), given_headers=headers, body=bodies)
def test_a_request_is_read_back_by_the_library(target: str, given_headers: dict[str, str], body: bytes) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(write_request("POST", "gateway.example:81", target, headers=given_headers, body=body))
    asked = server.next_event()
    assert isinstance(asked, h11.Request)
    assert (asked.method, asked.target) == (b"POST", target.encode())
    read = {name.decode(): said.decode() for name, said in asked.headers}
    expected = {"host": "gateway.example:81", "accept-encoding": "identity", "content-length": str(len(body))}
    assert read == expected | given_headers
    found = b"".join(bytes(event.data) for event in iter(server.next_event, h11.NEED_DATA) if type(event) is h11.Data)
    assert found == body
    assert server.their_state is h11.DONE


@quick
@given(
    status=st.sampled_from([200, 201, 202, 400, 404, 422, 429, 500, 503]),
    given_headers=headers,
    body=bodies,
    chunked=st.booleans(),
    closing=st.booleans(),
)
def test_an_answer_the_library_writes_is_read_as_it_was_meant(
    status: int,
    given_headers: dict[str, str],
    body: bytes,
    chunked: bool,  # noqa: FBT001
    closing: bool,  # noqa: FBT001
) -> None:
    framing = ("transfer-encoding", "chunked") if chunked else ("content-length", str(len(body)))
    more = [("connection", "close")] if closing else []
    with ends() as (here, there):
        there.sendall(answered(status, [framing, *more, *given_headers.items()], body))
        reply = read_response(here, "POST")
    assert (reply.status, reply.body, reply.keep_alive) == (status, body, not closing)
    assert reply.headers == dict([framing, *more]) | given_headers


def answered(status: int, said: list[tuple[str, str]], body: bytes) -> bytes:
    """The answer as h11 writes it, after a question was asked."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert isinstance(server.next_event(), h11.Request)
    events = [h11.Response(status_code=status, headers=said, reason=b"so"), h11.Data(body), h11.EndOfMessage()]
    return b"".join(server.send(event) or b"" for event in events)


@contextmanager
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(5)
        yield here, there


@pytest.fixture(scope="module")
def layer() -> Parts:
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(300, 420))
        page.Contents = document.make_stream(b"0 0 300 420 re f")
        document.save(out := io.BytesIO())
    return form_of(out.getvalue(), (0, 0, 300, 420))


@quick
@given(pages=st.lists(st.tuples(bodies, st.integers(1, 5000), st.integers(1, 5000)), min_size=1, max_size=8))
def test_a_file_is_read_back_by_two_libraries(layer: Parts, pages: list[tuple[bytes, int, int]]) -> None:
    writer = Writer(out := io.BytesIO(), layer)
    resources = writer.put(b"<</XObject<</Layer %d 0 R>>>>" % layer.form)
    for content, width, height in pages:
        writer.page(content, size=(width / 7, height / 7), boxes=b"/TrimBox[0 0 1 1]", resources=resources)
    writer.close()
    sizes = [(width / 7, height / 7) for _, width, height in pages]
    with pikepdf.open(io.BytesIO(out.getvalue())) as document:
        assert document.get_warnings() == []
        assert [page.Contents.read_bytes() for page in document.pages] == [content for content, _, _ in pages]
        read = [tuple(map(float, list(page.MediaBox)[2:])) for page in document.pages]
        assert read == [pytest.approx(size, abs=1e-4) for size in sizes]
        assert {page.Resources.XObject.Layer.Subtype for page in document.pages} == {"/Form"}
    drawn = pypdfium2.PdfDocument(out.getvalue())
    assert [drawn.get_page_size(at) for at in range(len(drawn))] == [pytest.approx(size, abs=1e-3) for size in sizes]
    drawn.close()


@quick
@given(key=st.binary(min_size=16, max_size=16), numbers=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_a_hash_is_that_of_the_library(key: bytes, numbers: list[int]) -> None:
    theirs = [
        int.from_bytes(siphash24.siphash24(number.to_bytes(8, "little"), key=key).digest(), "little")
        for number in numbers
    ]
    assert siphash(np.array(numbers, dtype=np.uint64), key).tolist() == theirs
