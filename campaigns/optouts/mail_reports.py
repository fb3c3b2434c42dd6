"""Mail reports: what a bounce (RFC 3464) or a complaint (RFC 5965) says, read by the standard library's parser.

Nothing here trusts the sender: a report is only values, and what belongs to no delivery of ours changes nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum

from retention.column_limits import fitting

_HARD = re.compile(r"5\.(?:0\.\d+|1\.\d+|2\.1|4\.4)")
"""Enhanced status codes (RFC 3463) that are about the address: it is wrong, gone, disabled, or its domain is nowhere.

Other 5.x.x (mailbox full, size, policy, content) are about this message or this day, so they count as soft.
"""

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")


class ReportKind(StrEnum):
    """What a report says became of a mail."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    OTHER = "other"  # delayed, relayed, delivered, or a mailbox that says it is no spam


@dataclass(frozen=True, slots=True)
class Report:
    """One recipient's outcome. `message_id` is that of the mail it is about, with its angle brackets, or empty."""

    kind: ReportKind
    message_id: str
    recipient: str
    detail: str
    at: datetime | None = None


def read_reports(raw: bytes) -> list[Report]:
    """Return what a report says, one entry per recipient; empty when it is no report that can be made out."""
    try:
        return _read(message_from_bytes(raw))
    except Exception:  # noqa: BLE001 - anybody can send anything here; the library has failed on less
        return []


def _read(mail: Message) -> list[Report]:
    parts = {part.get_content_type(): part for part in mail.walk()}
    message_id, at = _about(parts), _sent_at(mail)
    if "message/feedback-report" in parts:
        return [_complaint(_fields(parts["message/feedback-report"]), message_id, at)]
    if "message/delivery-status" not in parts:
        return []
    blocks = _blocks(parts["message/delivery-status"])
    return [_bounce(block, message_id, at) for block in blocks if "Final-Recipient" in block or "Action" in block]


def _complaint(fields: Message, message_id: str, at: datetime | None) -> Report:
    kind = _line(fields, "Feedback-Type").lower()
    details = [kind or "complaint", _line(fields, "User-Agent"), _line(fields, "Source-IP")]
    recipient = _line(fields, "Original-Rcpt-To") or _line(fields, "Removal-Recipient")
    found = ReportKind.OTHER if kind in {"not-spam", "auth-failure"} else ReportKind.COMPLAINT
    return Report(found, message_id, recipient.strip("<>"), "; ".join(filter(None, details)), at)


def _bounce(block: Message, message_id: str, at: datetime | None) -> Report:
    action, status = _line(block, "Action").lower(), _line(block, "Status")
    code = found.group() if (found := _STATUS.search(status)) else ""
    diagnostic = _line(block, "Diagnostic-Code")
    recipient = (_line(block, "Original-Recipient") or _line(block, "Final-Recipient")).rpartition(";")[2].strip()
    detail = "; ".join(filter(None, (action, code, diagnostic)))
    return Report(_kind(action, code), message_id, recipient.strip("<>"), detail, at)


def _kind(action: str, code: str) -> ReportKind:
    if action != "failed":
        return ReportKind.OTHER
    return ReportKind.HARD if _HARD.fullmatch(code) else ReportKind.SOFT


def _about(parts: dict[str, Message]) -> str:
    """Return the Message-ID of the mail that came back, from its copy or its headers."""
    for kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"):
        if kind in parts and (found := _MESSAGE_ID.search(_line(_fields(parts[kind]), "Message-ID"))):
            return found.group()
    return ""


def _fields(part: Message) -> Message:
    """Return the header fields a part consists of, however the parser or the sender wrapped them."""
    return next(_blocks(part), part)


def _blocks(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (block for block in payload if isinstance(block, Message))
        return
    decoded = part.get_payload(decode=True)
    text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(payload)
    for paragraph in re.split(r"\r?\n\r?\n", text.strip()):
        yield message_from_string(paragraph + "\n\n")


def _line(fields: Message, name: str) -> str:
    return fitting(" ".join(str(fields.get(name, "")).split()), 1000)


def _sent_at(mail: Message) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(mail.get("Date", "")))
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo else None
