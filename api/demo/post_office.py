"""A real mail server on loopback that keeps what it is handed, so that sending can be counted on the other side."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

PORT_CHOSEN_BY_THE_SYSTEM = 0


@dataclass
class PostOffice:
    """What arrived, as (recipient, message bytes), in order."""

    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Keep one message for each recipient."""
        content = envelope.content
        message = content if isinstance(content, bytes) else str(content).encode()
        self.arrived += [(recipient, message) for recipient in envelope.rcpt_tos]
        return "250 kept"


class _Controller(Controller):
    """aiosmtpd's controller, asking for any free port and telling which it got."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def open_post_office() -> Iterator[PostOffice]:
    """Run a mail server in the body; its address is `url`."""
    office = PostOffice()
    controller = _Controller(office, hostname="127.0.0.1", port=PORT_CHOSEN_BY_THE_SYSTEM)
    controller.start()
    office.url = f"smtp://127.0.0.1:{controller.port}"
    try:
        yield office
    finally:
        controller.stop()
