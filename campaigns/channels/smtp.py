"""Mail over SMTP: a few open connections, TLS where the address says so, and three outcomes.

A 4xx response, or a connection that broke before the message went out, can be tried again; a 5xx cannot; one that broke
between the message and its acknowledgement leaves nobody the wiser: SMTP has no key that makes a second try harmless.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from campaigns.campaign.media import Medium
from campaigns.channels import outages
from campaigns.channels.addresses import open_socket
from campaigns.channels.channel import Accepted, Message, Outcome, Refused, TryLater, Undecided, in_groups
from campaigns.channels.mime import address, build_mail
from retention.errors import Invalid

_BROKEN = (smtplib.SMTPServerDisconnected, OSError)


@dataclass(frozen=True)
class SmtpChannel:
    """A mail server by its address.

    smtp://host:port        plain, with STARTTLS when the server offers it; ?tls=required refuses to go on without
    smtps://host:port       TLS from the first byte
    Either may name user:password@, percent-encoded, and is then used with TLS only, except towards this machine.
    `authority` is a certificate (PEM) to trust besides those the system trusts.
    """

    url: str = field(repr=False)
    timeout: float = 30
    medium: Medium = Medium.EMAIL
    at_once: int = 1
    repeatable: bool = False
    authority: str = ""
    allow_private: bool = True

    @contextmanager
    def connect(self) -> Iterator["_SmtpConnections"]:
        connections = _SmtpConnections(self)
        try:
            connections.connection(0)
            yield connections
        finally:
            connections.close()

    def open(self) -> "_SmtpConnection":
        """Open one connection; TryLater when the server is away or does not know us."""
        try:
            return _SmtpConnection(self._open(_server(self.url)))
        except smtplib.SMTPAuthenticationError as error:
            raise _away(outages.MAIL_LOGIN.format(why=_response_text(error))) from error
        except (smtplib.SMTPException, OSError) as error:
            raise _away(outages.MAIL_AWAY.format(why=outages.describe_error(error))) from error

    def _open(self, parts: SplitResult) -> smtplib.SMTP:
        context = _trust(self.authority)
        server = _Server(self, context, smtps=parts.scheme == "smtps")
        try:
            server.connect(parts.hostname or "", parts.port or (465 if parts.scheme == "smtps" else 25))
            _greet(server, parts, context)
        except BaseException:
            server.close()
            raise
        return server


class _Server(smtplib.SMTP):
    """smtplib's client, through a socket that was opened to an address that was looked at."""

    def __init__(self, channel: SmtpChannel, context: ssl.SSLContext, *, smtps: bool) -> None:
        super().__init__(timeout=channel.timeout)
        self._channel, self._context, self._smtps = channel, context, smtps

    def connect(self, host: str = "localhost", port: int = 0, _source: object = None) -> tuple[int, bytes]:
        self._host = host  # what the certificate must name, here and in starttls()
        code, text = super().connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        return code, text

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = open_socket(host, port, timeout, allow_private=self._channel.allow_private)
        if not self._smtps:
            return sock
        try:
            return self._context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise


class _SmtpConnections:
    """Up to `at_once` open connections, each replaced when it breaks or the server has had enough of it."""

    def __init__(self, channel: SmtpChannel) -> None:
        self._channel = channel
        self._open: dict[int, _SmtpConnection] = {}

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        return in_groups(self._work, messages, at_once=self._channel.at_once)

    def connection(self, position: int) -> "_SmtpConnection":
        if position not in self._open:
            self._open[position] = self._channel.open()
        return self._open[position]

    def close(self) -> None:
        for position in list(self._open):
            self._drop(position)

    def _work(self, position: int, message: Message) -> Generator[None, None, Accepted]:
        try:
            envelope = build_mail(message)
            addresses = address(message.sender), address(message.to)
        except (ValueError, IndexError, UnicodeError) as error:
            raise Refused(f"this cannot be a mail: {error}") from error
        connection = self.connection(position)
        try:
            return (yield from connection.hand_over(*addresses, envelope))
        except Undecided:
            self._drop(position)
            raise
        except TryLater as error:
            if error.connection_usable:
                raise
            self._drop(position)
            if connection.taken == 0:
                raise
        # It has taken messages before: some servers hang up after a number of them, which is no error.
        return (yield from self._again(position, addresses, envelope))

    def _again(self, position: int, addresses: tuple[str, str], envelope: bytes) -> Generator[None, None, Accepted]:
        try:
            return (yield from self.connection(position).hand_over(*addresses, envelope))
        except (TryLater, Undecided) as error:
            if isinstance(error, Undecided) or not error.connection_usable:
                self._drop(position)
            raise

    def _drop(self, position: int) -> None:
        if connection := self._open.pop(position, None):
            connection.close()


class _SmtpConnection:
    """One conversation. `taken` counts the messages it has taken."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server
        self._together = server.has_extn("pipelining")  # RFC 2920: three commands in one go
        self.taken = 0

    def hand_over(self, sender: str, to: str, envelope: bytes) -> Generator[None, None, Accepted]:
        """Hand over one mail; yields while the server thinks."""
        try:
            yield from self._before_data((f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA"))
        except _BROKEN as error:
            raise TryLater(
                outages.CONNECTION_BROKE.format(why=outages.describe_error(error)),
                connection_usable=False,
                of_sender=True,
            ) from error
        if b"\n." in envelope:
            # Dots at the start of a line are doubled, RFC 5321 section 4.5.2.
            envelope = re.sub(rb"(?m)^\.", b"..", envelope)
        try:
            self._server.send(envelope + b".\r\n")
            yield
            reply = self._server.getreply()
        except _BROKEN as error:
            raise Undecided(outages.CONNECTION_BROKE_LATE.format(why=outages.describe_error(error))) from error
        if failure := _error_of(reply, 250):
            raise failure
        self.taken += 1
        return Accepted()

    def close(self) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self._server.quit()
        self._server.close()

    def _before_data(self, commands: Sequence[str]) -> Generator[None, None, None]:
        found: Exception | None = None
        wanted = ((250,), (250, 251), (354,))
        if self._together:
            self._server.send("".join(f"{command}\r\n" for command in commands))
            yield
        for position, (command, codes) in enumerate(zip(commands, wanted, strict=True)):
            if not self._together:
                self._server.putcmd(command)
                yield
            reply = self._server.getreply()
            if found is None:
                found = _error_of(reply, *codes, of_sender=position == 0)
            elif reply[0] == 354:  # it wants the text although nobody may get it: an empty one, to nobody
                self._server.docmd(".")
            if found and not self._together:
                break
        if found:
            self._server.docmd("rset")
            raise found


def _error_of(reply: tuple[int, bytes], *wanted: int, of_sender: bool = False) -> TryLater | Refused | None:
    """Return what a response that is not `wanted` means."""
    code, text = reply
    if code in wanted:
        return None
    response = f"{code} {text.decode(errors='replace')}"
    # The other 4xx are about now; what is neither 4xx nor 5xx breaks the protocol and is tried again.
    if 500 <= code < 600:
        return TryLater(response, of_sender=True) if of_sender and code in {530, 535, 550} else Refused(response)
    return TryLater(response, connection_usable=code != 421, of_sender=of_sender or code == 421)


def _greet(server: smtplib.SMTP, parts: SplitResult, context: ssl.SSLContext) -> None:
    """Say hello, turn TLS on where it can be or must be, and log in."""
    server.ehlo_or_helo_if_needed()
    secret = parts.scheme == "smtps"
    if not secret and (parse_qs(parts.query).get("tls") == ["required"] or server.has_extn("starttls")):
        server.starttls(context=context)
        server.ehlo()
        secret = True
    if parts.username:
        if not secret and not _is_local(parts.hostname or ""):
            raise smtplib.SMTPNotSupportedError("it offers no TLS, and the password is not sent without")
        server.login(unquote(parts.username), unquote(parts.password or ""))


@lru_cache(maxsize=64)
def _trust(authority: str) -> ssl.SSLContext:
    """Return what certificates are checked by; kept, since reading what the system trusts takes a tenth of a second."""
    context = ssl.create_default_context(cadata=authority or None)
    if authority:
        context.load_default_certs()
    return context


def _server(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Invalid("A mail server's address is smtp://host:port or smtps://host:port.") from error
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise Invalid(
            "A mail server's address is smtp://host:port or smtps://host:port, not {scheme}.", scheme=parts.scheme
        )
    return parts


def _away(detail: str) -> TryLater:
    return TryLater(detail, connection_usable=False, of_sender=True)


def _is_local(host: str) -> bool:
    return host in {"localhost", "::1", socket.gethostname()} or host.startswith("127.")


def _response_text(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
