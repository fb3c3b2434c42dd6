"""Mail over SMTP: one connection for a batch, TLS where the address says so, and three honest outcomes.

A 4xx answer, or a line that broke before the message went out, can be tried again; a 5xx cannot; a line that broke
between the message and its acknowledgement leaves nobody the wiser: SMTP has no key that makes a second try harmless.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from campaigns.campaigns import Medium
from campaigns.channels.channel import Message, Refused, TryLater, Undecided
from retention.errors import Invalid


@dataclass(frozen=True)
class SmtpChannel:
    """A mail server by its address.

    smtp://host:port        plain, with STARTTLS when the server offers it; ?tls=required refuses to go on without
    smtps://host:port       TLS from the first byte
    Either may name user:password@, percent-encoded, and is then used with TLS only, except towards this machine.
    """

    url: str
    timeout: float = 30
    medium: Medium = Medium.EMAIL

    @contextmanager
    def connect(self) -> Iterator["_Line"]:
        try:
            server = self._open(_server(self.url))
        except smtplib.SMTPAuthenticationError as error:
            raise TryLater(f"the mail server does not know us: {_said(error)}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryLater(f"the mail server cannot be reached: {error}") from error
        try:
            yield _Line(server)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _open(self, parts: SplitResult) -> smtplib.SMTP:
        host, context = parts.hostname or "", ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=self.timeout, context=context)
        else:
            server = smtplib.SMTP(host, parts.port or 25, timeout=self.timeout)
        try:
            _greet(server, parts, context)
        except BaseException:
            server.close()
            raise
        return server


def _greet(server: smtplib.SMTP, parts: SplitResult, context: ssl.SSLContext) -> None:
    """Say hello, turn TLS on where it can be or must be, and log in."""
    server.ehlo_or_helo_if_needed()
    secret = parts.scheme == "smtps"
    if not secret and (parse_qs(parts.query).get("tls") == ["required"] or server.has_extn("starttls")):
        server.starttls(context=context)
        server.ehlo()
        secret = True
    if parts.username:
        if not secret and not _is_here(parts.hostname or ""):
            raise smtplib.SMTPNotSupportedError("it offers no TLS, and the password is not sent without")
        server.login(unquote(parts.username), unquote(parts.password or ""))


class _Line:
    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server

    def hand_over(self, message: Message) -> None:
        try:
            envelope = build_mail(message)
        except (ValueError, HeaderParseError, UnicodeError) as error:
            raise Refused(f"this cannot be a mail: {error}") from error
        try:
            self._before_data(message)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            raise TryLater(f"the line broke: {error}", line_stands=False) from error
        try:
            # Dots at the start of a line are doubled, RFC 5321 section 4.5.2.
            self._server.send(re.sub(rb"(?m)^\.", b"..", envelope) + b".\r\n")
            self._expect(self._server.getreply(), 250)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            raise Undecided(f"the line broke before the answer: {error}") from error

    def _before_data(self, message: Message) -> None:
        self._expect(self._server.mail(message.sender), 250)
        self._expect(self._server.rcpt(message.to), 250, 251)
        self._expect(self._server.docmd("data"), 354)

    def _expect(self, reply: tuple[int, bytes], *wanted: int) -> None:
        code, words = reply
        if code in wanted:
            return
        with suppress(smtplib.SMTPException, OSError):
            self._server.rset()
        said = f"{code} {words.decode(errors='replace')}"
        # 421 and the other 4xx are about now; what is neither 4xx nor 5xx breaks the protocol and is tried again.
        raise Refused(said) if 500 <= code < 600 else TryLater(said)


def build_mail(message: Message) -> bytes:
    """Return the message as it goes over the wire: text and HTML, with one-click unsubscribe (RFC 8058).

    ValueError for an address or a header that would not be one line: nothing can be smuggled in.
    """
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # no server has to speak 8BITMIME
    mail["From"] = Address(message.sender_name, addr_spec=message.sender)
    mail["To"] = Address(addr_spec=message.to)
    mail["Subject"] = message.subject
    mail["Message-ID"] = message.message_id
    mail["Content-Language"] = message.language
    mail["List-Unsubscribe"] = f"<{message.unsubscribe_address}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail.as_bytes().removesuffix(b"\r\n") + b"\r\n"


def _server(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise Invalid(
            "A mail server's address is smtp://host:port or smtps://host:port, not {scheme}.", scheme=parts.scheme
        )
    return parts


def _is_here(host: str) -> bool:
    return host in {"localhost", "::1", socket.gethostname()} or host.startswith("127.")


def _said(error: smtplib.SMTPResponseException) -> str:
    words = error.smtp_error
    return f"{error.smtp_code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"
