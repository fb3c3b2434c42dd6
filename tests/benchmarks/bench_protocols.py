"""The four formats written by hand, each against the library that would do the same: HTTP/1.1, MIME, PDF, SipHash.

Small sizes, since what counts is the time of one. The library of each row is the fallback that decision 14 names.
"""
# ruff: noqa: T201, E402 - a benchmark prints, and finds the repository first

import http.client
import io
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np
import pikepdf
import siphash24

from campaigns.channels.channel import Message
from campaigns.channels.mime import build_mail
from campaigns.channels.wire import read_response, write_request
from campaigns.plans.assignment import siphash
from printables.drawing.pdf import Writer, form_of

CALLS, MAILS, PAGES, NUMBERS = 2_000, 500, 2_000, 200_000
BODY = b'{"to": "+8613800138000", "text": "hello"}'
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer abc"}
WORDS = "新茶到店，老朋友先尝。" * 60
MAIL = Message(
    to="ada@example.com", sender="shop@shop.example", sender_name="回头客茶铺", subject="送您¥20，三天内有效",
    text=WORDS, html=f"<p>{WORDS}</p>" * 6, language="zh-CN", message_id="<1.abc@shop.example>",
    unsubscribe_address="https://shop.example/u/abc", key="k",
)  # fmt: skip


def main() -> None:
    report("HTTP/1.1 call", CALLS, by_wire, by_http_client, "http.client")
    report("MIME mail", MAILS, by_build_mail, by_email_message, "email.message")
    report("PDF page", PAGES, by_writer, by_pikepdf, "pikepdf")
    report("SipHash", NUMBERS, by_numpy, by_siphash24, "siphash24")


def report(name: str, count: int, ours: Callable[[], float], theirs: Callable[[], float], library: str) -> None:
    mine, other = (min(timed() for _ in range(3)) for timed in (ours, theirs))
    each = [f"{seconds / count * 1e6:8.2f} us" for seconds in (mine, other)]
    print(f"{name:14}{each[0]}   {library:14}{each[1]}   ratio {other / mine:5.1f} x")


def by_wire() -> float:
    with sink() as port, closing(socket.create_connection(("127.0.0.1", port))) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.process_time()
        for _ in range(CALLS):
            line.sendall(write_request("POST", "gateway.example", "/send", headers=HEADERS, body=BODY))
            assert read_response(line, "POST").status == 200
        return time.process_time() - started


def by_http_client() -> float:
    with sink() as port, closing(http.client.HTTPConnection("127.0.0.1", port)) as line:
        started = time.process_time()
        for _ in range(CALLS):
            line.request("POST", "/send", body=BODY, headers=HEADERS)
            answer = line.getresponse()
            answer.read()
            assert answer.status == 200
        return time.process_time() - started


class sink:  # noqa: N801 - used like a function
    """The sink of the benchmark of handing over; its own time does not count, for processor seconds do."""

    def __enter__(self) -> int:
        place = str(Path(__file__).with_name("sinks.py"))
        self.process = subprocess.Popen(
            [sys.executable, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        return int(self.process.stdout.readline().split()[1])

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def by_build_mail() -> float:
    started = time.process_time()
    for _ in range(MAILS):
        build_mail(MAIL)
    return time.process_time() - started


def by_email_message() -> float:
    started = time.process_time()
    for _ in range(MAILS):
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"] = f"{MAIL.sender_name} <{MAIL.sender}>", MAIL.to
        mail["Subject"], mail["Message-ID"] = MAIL.subject, MAIL.message_id
        mail.set_content(MAIL.text, cte="base64")
        mail.add_alternative(MAIL.html, subtype="html", cte="base64")
        mail.as_bytes()
    return time.process_time() - started


CONTENT = b"/Layer Do\n" + b"q 0 0 0 1 k 1 0 0 1 20 20 cm 0 0 1 1 re f Q\n" * 40


def layer() -> bytes:
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(300, 420))
        page.Contents = document.make_stream(b"0 0 300 420 re f")
        document.save(out := io.BytesIO())
    return out.getvalue()


def by_writer() -> float:
    parts = form_of(layer(), (0, 0, 300, 420))
    started = time.process_time()
    writer = Writer(io.BytesIO(), parts)
    resources = writer.put(b"<</XObject<</Layer %d 0 R>>>>" % parts.form)
    for _ in range(PAGES):
        writer.page(CONTENT, size=(300, 420), boxes=b"", resources=resources)
    writer.close()
    return time.process_time() - started


def by_pikepdf() -> float:
    with pikepdf.open(io.BytesIO(layer())) as source, pikepdf.new() as document:
        form = document.copy_foreign(source.pages[0].as_form_xobject())
        started = time.process_time()
        resources = document.make_indirect(pikepdf.Dictionary(XObject=pikepdf.Dictionary(Layer=form)))
        for _ in range(PAGES):
            page = document.add_blank_page(page_size=(300, 420))
            page.Contents, page.obj.Resources = document.make_stream(CONTENT), resources
        document.save(io.BytesIO(), compress_streams=True)
        return time.process_time() - started


def by_numpy() -> float:
    numbers = np.arange(NUMBERS, dtype=np.uint64)
    started = time.process_time()
    siphash(numbers, bytes(16))
    return time.process_time() - started


def by_siphash24() -> float:
    key, out = bytes(16), np.empty(NUMBERS, dtype=np.uint64)
    started = time.process_time()
    for number in range(NUMBERS):
        digest = siphash24.siphash24(number.to_bytes(8, "little"), key=key).digest()
        out[number] = int.from_bytes(digest, "little")
    return time.process_time() - started


if __name__ == "__main__":
    main()
