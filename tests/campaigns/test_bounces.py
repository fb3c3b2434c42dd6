"""Bounces and complaints: what a report changes, what it must not, and that none of them can bring us down."""

import mailbox
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.offers.links import Link
from campaigns.optouts.bounce_handling import lift_bounce, read_mailbox, take_report
from campaigns.optouts.bounces import Bounce, BounceKind, bounced_addresses
from campaigns.optouts.mail_reports import ReportKind, read_reports
from campaigns.runs.launch import launch
from campaigns.texts.mail import MessageContext, message_id
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent, last_answer
from retention.errors import NotFound
from retention.files import FileStore
from tests.campaigns.conftest import NOON, Stage, later
from tests.factories import make_shop


def dsn(
    about: str,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    to: str = "may@example.com",
    copy: str = "message/rfc822",
) -> bytes:
    """Return a report of RFC 3464 as Postfix writes it."""
    return f"""From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: shop@shop.example
Subject: Undelivered Mail Returned to Sender
Date: Tue, 10 Mar 2026 05:00:00 +0000
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B1"

This is a MIME-encapsulated message.

--B1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
X-Postfix-Queue-ID: 4ABC
Arrival-Date: Tue, 10 Mar 2026 04:59:58 +0000

Final-Recipient: rfc822; {to}
Original-Recipient: rfc822;{to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <{to}>: Recipient address rejected:
    User unknown

--B1
Content-Description: Undelivered Message
Content-Type: {copy}

From: Tea <shop@shop.example>
To: {to}
Subject: Hello
Message-ID: {about}

Hello
--B1--
""".encode()


def arf(about: str, *, kind: str = "abuse") -> bytes:
    """Return a complaint of RFC 5965 as feedback loops write it."""
    return f"""From: <abusedesk@mail.example>
Date: Tue, 10 Mar 2026 05:00:00 +0000
Subject: FW: Hello
To: <shop@shop.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B2"

--B2
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP 203.0.113.9.

--B2
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <may@example.com>
Source-IP: 203.0.113.9

--B2
Content-Type: text/rfc822-headers
Content-Disposition: inline

From: <shop@shop.example>
Message-ID: {about}
Subject: Hello

--B2--
""".encode()


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def sent(stage: Stage) -> Stage:
    """May got a mail at noon, and another waits for her; so does one for Ada."""
    for name in ("may", "ada"):
        stage.buyer(name)
    for slug in ("first", "second"):
        launch(stage.session, stage.shop, stage.push(slug), at=NOON, actor="user:1")
    first = delivery(stage, "may", "first")
    first.state, first.sent_at, first.address = DeliveryState.SENT, NOON, "May@example.com"
    stage.session.flush()
    return stage


def delivery(stage: Stage, name: str, slug: str) -> Delivery:
    found = select(Delivery).join(Buyer, Buyer.id == Delivery.buyer_id)
    found = found.join(Campaign, Campaign.id == Delivery.campaign_id)
    return stage.session.exec(found.where(Buyer.external_id == name, Campaign.slug == slug)).one()


def mail_id(stage: Stage, name: str = "may", slug: str = "first") -> str:
    """Return the Message-ID that this delivery's mail carries."""
    row = delivery(stage, name, slug)
    link = stage.session.exec(select(Link).where(Link.delivery_id == row.id)).one()
    buyer, campaign = stage.session.get_one(Buyer, row.buyer_id), stage.session.get_one(Campaign, row.campaign_id)
    return message_id(MessageContext(row, buyer, link, campaign, stage.shop), "shop@shop.example")


def state(stage: Stage, name: str, slug: str = "second") -> tuple[str, str]:
    row = delivery(stage, name, slug)
    stage.session.refresh(row)
    return row.state.value, row.reason


def kept(stage: Stage) -> list[tuple[str, str]]:
    return [(row.kind.value, row.address) for row in stage.session.exec(select(Bounce).order_by(Bounce.id))]


def test_a_hard_bounce_suppresses_the_address_and_skips_what_waits(sent: Stage, files: FileStore) -> None:
    report = dsn(mail_id(sent))
    assert take_report(sent.session, files, report, at=later(hours=2), shop_id=sent.shop.id) == [BounceKind.HARD]
    row = sent.session.exec(select(Bounce)).one()
    assert (row.kind, row.address, row.channel) == (BounceKind.HARD, "may@example.com", Channel.EMAIL)
    assert row.delivery_id == delivery(sent, "may", "first").id
    assert row.detail == "failed; 5.1.1; smtp; 550 5.1.1 <may@example.com>: Recipient address rejected: User unknown"
    assert row.at == datetime(2026, 3, 10, 5, tzinfo=UTC)
    assert files.get(row.report) == report
    assert state(sent, "may", "first") == ("sent", "")
    assert state(sent, "may") == ("skipped", "bounced")
    assert state(sent, "ada") == ("waiting", "")
    assert list(sent.session.exec(bounced_addresses(sent.shop.id, Channel.EMAIL))) == ["may@example.com"]


def test_a_bounced_address_is_planned_for_no_more_until_a_person_lifts_it(sent: Stage, files: FileStore) -> None:
    take_report(sent.session, files, dsn(mail_id(sent)), at=NOON)
    run = launch(sent.session, sent.shop, sent.push("third"), at=later(days=1), actor="user:1")
    assert ["bounced", 1] in [list(step) for step in run.funnel]
    assert lift_bounce(sent.session, sent.shop, "MAY@example.com", at=later(days=2), actor="user:1") == 1
    run = launch(sent.session, sent.shop, sent.push("fourth"), at=later(days=2), actor="user:1")
    assert list(run.funnel[-1]) == ["final", 2]
    with pytest.raises(NotFound):
        lift_bounce(sent.session, sent.shop, "may@example.com", at=later(days=2), actor="user:1")


def test_the_same_report_twice_changes_nothing_and_says_the_same(sent: Stage, files: FileStore) -> None:
    for _ in range(2):
        assert take_report(sent.session, files, dsn(mail_id(sent)), at=NOON) == [BounceKind.HARD]
    assert kept(sent) == [("hard", "may@example.com")]


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        ("5.1.1", "failed", ReportKind.HARD),
        ("5.1.10", "failed", ReportKind.HARD),
        ("5.0.0", "failed", ReportKind.HARD),
        ("5.2.1", "failed", ReportKind.HARD),
        ("5.4.4", "failed", ReportKind.HARD),
        ("5.1.1 (unknown user)", "Failed", ReportKind.HARD),
        ("5.2.2", "failed", ReportKind.SOFT),  # the mailbox is full
        ("5.3.4", "failed", ReportKind.SOFT),  # too large
        ("5.7.1", "failed", ReportKind.SOFT),  # they dislike the sender or the text, not the address
        ("4.4.7", "failed", ReportKind.SOFT),
        ("", "failed", ReportKind.SOFT),
        ("4.4.1", "delayed", ReportKind.OTHER),
        ("2.0.0", "delivered", ReportKind.OTHER),
    ],
)
def test_which_bounces_are_about_the_address(status: str, action: str, kind: ReportKind) -> None:
    assert [report.kind for report in read_reports(dsn("<1.a@b>", status=status, action=action))] == [kind]


def test_the_fifth_soft_bounce_in_thirty_days_is_hard(sent: Stage, files: FileStore) -> None:
    def take(number: int, day: int) -> list[BounceKind]:
        report = dsn(mail_id(sent), status="4.2.2").replace(b"4ABC", b"%d" % number)
        moment = (NOON + timedelta(days=day)).strftime("%a, %d %b %Y %H:%M:%S +0000").encode()
        report = report.replace(b"Date: Tue, 10 Mar 2026 05:00:00 +0000", b"Date: " + moment, 1)
        return take_report(sent.session, files, report, at=later(days=day))

    assert [take(number, day) for number, day in enumerate((0, 10, 20, 25))] == [[BounceKind.SOFT]] * 4
    assert state(sent, "may") == ("waiting", "")
    assert take(5, 30) == [BounceKind.SOFT]  # the first is exactly thirty days ago, and counts no more
    assert take(6, 31) == [BounceKind.HARD]
    assert state(sent, "may") == ("skipped", "bounced")
    assert "5 soft bounces within 30 days" in sent.session.exec(select(Bounce.detail).order_by(-Bounce.id)).first()


def test_a_complaint_is_a_no_with_the_report_as_evidence(sent: Stage, files: FileStore) -> None:
    assert take_report(sent.session, files, arf(mail_id(sent)), at=later(hours=2)) == [BounceKind.COMPLAINT]
    said = sent.session.exec(select(Consent).where(Consent.source == "complaint")).one()
    assert (said.answer, said.channel, said.address) == (Answer.OUT, Channel.EMAIL, "may@example.com")
    assert said.wording == "abuse; SomeGenerator/1.0; 203.0.113.9"
    assert said.at == datetime(2026, 3, 10, 5, tzinfo=UTC)
    assert state(sent, "may") == ("skipped", "no_consent")
    assert state(sent, "ada") == ("waiting", "")
    take_report(sent.session, files, arf(mail_id(sent)), at=later(hours=3))
    assert len(sent.session.exec(select(Consent).where(Consent.source == "complaint")).all()) == 1


def test_word_that_a_mail_is_no_spam_changes_nothing(sent: Stage, files: FileStore) -> None:
    assert take_report(sent.session, files, arf(mail_id(sent), kind="not-spam"), at=NOON) == []
    assert kept(sent) == []
    assert last_answer(sent.session, sent.shop.id, buyer_id=1, channel=Channel.EMAIL) is Answer.IN


def test_a_report_that_guesses_at_a_delivery_is_kept_and_changes_nothing(sent: Stage, files: FileStore) -> None:
    number = delivery(sent, "may", "first").id
    guesses = [
        f"<{number}.0123456789abcdef@shop.example>",
        "<999999.0123456789abcdef@x>",
        "<abc@elsewhere.example>",
        "",
    ]
    for guess in guesses:
        said = take_report(sent.session, files, dsn(guess), at=NOON, shop_id=sent.shop.id)
        assert said == [BounceKind.UNMATCHED]
    assert kept(sent) == [("unmatched", "")] * 4
    assert state(sent, "may") == ("waiting", "")
    assert take_report(sent.session, files, arf("<1.0123456789abcdef@x>"), at=NOON) == [BounceKind.UNMATCHED]
    assert last_answer(sent.session, sent.shop.id, buyer_id=1, channel=Channel.EMAIL) is Answer.IN


def test_another_shops_gateway_cannot_speak_about_our_deliveries(sent: Stage, files: FileStore) -> None:

    other = make_shop(sent.session, "other", timezone="UTC", currency="EUR", at=NOON)
    said = take_report(sent.session, files, dsn(mail_id(sent)), at=NOON, shop_id=other.id)
    assert said == [BounceKind.UNMATCHED]
    assert state(sent, "may") == ("waiting", "")


MALFORMED = {
    "empty": b"",
    "noise": bytes(range(256)) * 20,
    "an out-of-office": b"From: may@example.com\nSubject: Away\n\nBack on Monday.\n",
    "no boundary": b"Content-Type: multipart/report; report-type=delivery-status\n\n--B1\n",
    "status without fields": dsn("<1.a@b>").replace(b"Final-Recipient", b"X-Final").replace(b"\nAction", b"\nX-Action"),
    "nested too deep": b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(3000)
    ),
    "unknown charset": dsn("<1.a@b>").replace(
        b"message/delivery-status", b"text/plain; charset=x-none\nContent-Transfer-Encoding: base64"
    ),
}


def test_what_cannot_be_made_out_is_kept_and_counted(stage: Stage, files: FileStore) -> None:
    for name, raw in MALFORMED.items():
        assert take_report(stage.session, files, raw, at=NOON, shop_id=stage.shop.id) == [BounceKind.UNREADABLE], name
    rows = stage.session.exec(select(Bounce).order_by(Bounce.id)).all()
    assert {row.kind for row in rows} == {BounceKind.UNREADABLE}
    assert [files.get(row.report) for row in rows] == list(MALFORMED.values())


@pytest.mark.parametrize("cut", range(0, 1500, 100))
def test_a_report_cut_short_anywhere_is_taken_without_harm(cut: int) -> None:
    for report in read_reports(dsn("<1.a@b>")[:cut]):
        assert report.kind in ReportKind


@pytest.mark.parametrize("copy", ["message/rfc822", "text/rfc822-headers", "message/rfc822-headers"])
def test_the_mail_is_found_in_its_copy_however_it_is_enclosed(copy: str) -> None:
    assert [report.message_id for report in read_reports(dsn("<1.a@b>", copy=copy))] == ["<1.a@b>"]


def test_a_mailbox_is_read_for_all_shops_and_what_fits_nowhere_is_laid_aside(
    sent: Stage, files: FileStore, tmp_path: Path
) -> None:
    box = mailbox.mbox(tmp_path / "bounces.mbox")
    for raw in (
        dsn(mail_id(sent)),
        arf(mail_id(sent, "ada", "second")),
        dsn("<9.0123456789abcdef@x>"),
        b"\n\nnonsense",
    ):
        box.add(raw)
    box.close()
    for _ in range(2):
        counts, rejects = read_mailbox(sent.session, files, tmp_path / "bounces.mbox", at=later(hours=2))
        assert counts == {"hard": 1, "complaint": 1, "unmatched": 1, "unreadable": 1}
        assert rejects == tmp_path / "bounces.mbox.rejected.mbox"
        with closing(mailbox.mbox(rejects, create=False)) as aside:
            assert len(aside) == 2
    assert kept(sent) == [("hard", "may@example.com"), ("complaint", "ada@example.com")]


def test_a_maildir_is_read_too(sent: Stage, files: FileStore, tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(dsn(mail_id(sent), status="5.2.2"))
    counts, rejects = read_mailbox(sent.session, files, tmp_path / "Maildir", at=later(hours=2))
    assert (counts, rejects) == ({"soft": 1}, None)
    with pytest.raises(NotFound):
        read_mailbox(sent.session, files, tmp_path / "nowhere", at=NOON)
