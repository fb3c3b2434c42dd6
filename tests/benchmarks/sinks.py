"""Two sinks for the benchmark of handing over, in a process of their own: mail and HTTP, as fast as Python takes them.

Each prints its port, keeps connections open, answers yes to everything and counts the messages. SIGTERM ends it.
"""
# ruff: noqa: T201 - it tells its ports

import asyncio
import sys


class MailSink(asyncio.Protocol):
    """Enough of SMTP for a sender: EHLO, MAIL, RCPT, DATA, RSET, QUIT, with PIPELINING."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.line = transport
        self.held = b""
        self.in_data = False
        self.line.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        held = self.held + data
        answers = []
        while True:
            if self.in_data:
                end = held.find(b"\r\n.\r\n")
                if end < 0:
                    break
                held = held[end + 5 :]
                self.in_data = False
                answers.append(b"250 taken\r\n")
                continue
            end = held.find(b"\r\n")
            if end < 0:
                break
            verb, held = held[:4].upper(), held[end + 2 :]
            if verb == b"DATA":
                self.in_data = True
                answers.append(b"354 go on\r\n")
            elif verb == b"EHLO":
                answers.append(b"250-sink\r\n250-PIPELINING\r\n250 SIZE\r\n")
            elif verb == b"QUIT":
                answers.append(b"221 bye\r\n")
            else:
                answers.append(b"250 ok\r\n")
        self.held = held
        if answers:
            self.line.write(b"".join(answers))


class WebSink(asyncio.Protocol):
    """Enough of HTTP/1.1 for a sender: bodies with a length, connections kept open."""

    ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{"code":0,"id":"1"}'

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.line = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        held = self.held + data
        answers = 0
        while (end := held.find(b"\r\n\r\n")) >= 0:
            start = held.lower().find(b"content-length:", 0, end)
            length = int(held[start + 15 : held.index(b"\r\n", start)]) if start >= 0 else 0
            if len(held) < end + 4 + length:
                break
            held = held[end + 4 + length :]
            answers += 1
        self.held = held
        if answers:
            self.line.write(self.ANSWER * answers)


async def main() -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(kind, "127.0.0.1", 0) for kind in (MailSink, WebSink)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until whoever started us is gone


asyncio.run(main())
