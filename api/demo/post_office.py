"""A mail server on loopback that keeps the messages it gets, so that the emails sent can be counted.

It speaks as much of RFC 5321 as our own channel asks for, refuses nothing, and is for the demonstration alone.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer

_POLL_S = 0.02
_REPLIES = {b"EHLO": "250-localhost\r\n250 8BITMIME", b"DATA": "354 go on", b"QUIT": "221 bye"}


@dataclass
class PostOffice:
    """What arrived, as (recipient, message bytes), in order."""

    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, office: PostOffice) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.office = office


class _Conversation(StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self._say("220 localhost")
        recipients: list[str] = []
        for line in iter(self.rfile.readline, b""):
            command = line[:4].upper()
            self._say(_REPLIES.get(command, "250 OK"))
            if command == b"RCPT":
                recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
            elif command == b"DATA":
                message = b"".join(self._lines())
                self.server.office.arrived += [(recipient, message) for recipient in recipients]
                self._say("250 kept")
            if command in {b"DATA", b"RSET"}:
                recipients = []
            elif command == b"QUIT":
                return

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of a message up to the lone dot; a doubled dot at the start of a line stands for one."""
        for line in iter(self.rfile.readline, b".\r\n"):
            if not line:
                raise ConnectionError("the line broke within a message")
            yield line.removeprefix(b".")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def open_post_office() -> Iterator[PostOffice]:
    """Run a mail server in the body; its address is `url`."""
    office = PostOffice()
    with _Server(office) as server:
        office.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_S}, daemon=True)
        thread.start()
        try:
            yield office
        finally:
            server.shutdown()
            thread.join()
