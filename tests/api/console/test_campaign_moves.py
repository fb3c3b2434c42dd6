"""Campaigns on their pages: reviewed by somebody else, launched, followed, mended, asked about."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select, update

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason, sentence, step_name
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.channels.senders import Sender, SenderKind, SenderState, create_sender
from campaigns.runs.approvals import CampaignApproval, Verdict
from retention.buyers import Buyer
from retention.database import open_engine, reading, transaction
from retention.shops import find_shop
from tests.api.console import sample
from tests.api.console.doors import fill
from tests.api.console.signed_in import DRAFT, Console, Person, notice, title


def ask_for_approval(engine: Engine) -> None:
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        save_shop_policy(session, shop, values={"approval_required": True}, at=sample.NOW, actor="user:1")


def launch(person: Person, slug: str = "autumn") -> str:
    """Press the button of the check with the plan it shows; return the page it leads to."""
    fields = re.findall(r'name="(fingerprint|funnel)" value="([^"]*)"', person.page(f"/campaigns/{slug}"))
    sent = {name: value.replace("&#34;", '"') for name, value in fields}
    return person.send(f"/campaigns/{slug}/launch", **sent).text


def walk_through_a_review(console: Console) -> None:
    ask_for_approval(console.engine)
    marketer, owner = console.enter("marketer"), console.enter("owner")
    check = marketer.send("/campaigns/new/coupon-push", **DRAFT).text
    assert "needs approval" in check
    assert "/autumn/launch" not in check
    own = marketer.send("/campaigns/autumn/review/submit").text
    assert "You made, changed or submitted this campaign" in own
    assert "/review/approve" not in own
    assert marketer.send("/campaigns/autumn/review/approve", note="").status_code == 403
    assert console.campaign().state is CampaignState.IN_REVIEW
    assert "“Autumn” awaits your approval" in owner.page("")
    assert "awaits your approval" not in marketer.page("")
    shown = owner.page("/campaigns/autumn")
    promised = re.search(r'name="fingerprint" value="([0-9a-f]{64})"', shown)
    assert promised
    assert "marketer submitted it just now" in shown
    approved = owner.send("/campaigns/autumn/review/approve", fingerprint=promised[1], note="Good.").text
    assert notice(approved) == "Approved as shown. It can be launched now."
    assert console.campaign().state is CampaignState.APPROVED
    assert "0 of" in title(launch(marketer))
    assert console.campaign().state is CampaignState.RUNNING


def test_somebody_else_approves_exactly_what_was_submitted(console: Console) -> None:
    walk_through_a_review(console)


@pytest.mark.postgres
def test_somebody_else_approves_on_postgresql_too(postgresql_url: str, tmp_path: Path) -> None:
    engine = open_engine(postgresql_url)
    fill(engine)
    walk_through_a_review(Console(engine, tmp_path))
    engine.dispose()


def test_any_edit_voids_the_approval_and_the_launch_is_gone(console: Console) -> None:
    ask_for_approval(console.engine)
    marketer, owner = console.enter("marketer"), console.enter("owner")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/review/submit")
    owner.send("/campaigns/autumn/review/approve")
    assert "/autumn/launch" in marketer.page("/campaigns/autumn")
    assert "Saving a change makes it a draft again and voids any approval" in marketer.page(
        "/campaigns/autumn/edit/rules"
    )
    marketer.send("/campaigns/autumn/edit/rules", control="10", read_out_days="7", priority="50", to="check")
    assert console.campaign().state is CampaignState.DRAFT
    page = marketer.page("/campaigns/autumn")
    assert "/autumn/launch" not in page
    assert "void because the campaign changed" in page
    assert marketer.send("/campaigns/autumn/launch", fingerprint="").status_code in (409, 422)
    for forged in ("", "{", "7", "[7]", '[["a", []]]', "[" * 60_000):
        assert marketer.send("/campaigns/autumn/launch", fingerprint="", funnel=forged).status_code in (409, 422)
    assert console.campaign().state is CampaignState.DRAFT


def test_it_is_sent_back_with_a_note_that_the_author_reads(console: Console) -> None:
    marketer, owner = console.enter("marketer"), console.enter("owner")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/review/submit")
    owner.send("/campaigns/autumn/review/send-back", note="The subject promises too much.")
    page = marketer.page("/campaigns/autumn")
    assert console.campaign().state is CampaignState.DRAFT
    assert "The subject promises too much." in page
    with reading(console.engine) as session:
        assert session.exec(select(CampaignApproval.verdict)).one() is Verdict.SENT_BACK


def test_yes_to_something_else_than_was_shown_is_refused(console: Console) -> None:
    marketer, owner = console.enter("marketer"), console.enter("owner")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/review/submit")
    answer = owner.send("/campaigns/autumn/review/approve", fingerprint="0" * 64)
    assert answer.status_code == 409
    assert console.campaign().state is CampaignState.IN_REVIEW


def test_viewer_sees_the_plan_and_no_button(console: Console) -> None:
    console.enter("marketer").send("/campaigns/new/coupon-push", **DRAFT)
    viewer = console.enter("viewer")
    page = viewer.page("/campaigns/autumn")
    assert "Recipients" in page
    assert re.findall(r'<form method="post" action="/shops[^"]*"', page) == []
    for path in ("launch", "schedule", "review/submit", "review/approve", "moves/cancel", "resend/unknown", "test"):
        assert viewer.send(f"/campaigns/autumn/{path}", fingerprint="", to="x").status_code == 403
    assert console.campaign().state is CampaignState.DRAFT


def test_campaign_with_a_time_is_scheduled_and_shown_in_the_list(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/edit/when", kind="moment", day="2026-12-01", time="19:30")
    done = marketer.send("/campaigns/autumn/schedule").text
    assert "Sent automatically" in title(done)
    assert console.campaign().state is CampaignState.SCHEDULED
    assert "once, on 1 Dec 2026, 19:30" in marketer.page("/campaigns")


def test_recurring_campaign_is_started_and_its_next_time_shown(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/edit/when", kind="recurring", every="week", weekday="MO", at="10:00", zone="shop")
    marketer.send("/campaigns/autumn/schedule")
    page = marketer.page("/campaigns")
    assert "every Monday at 10:00" in page
    assert "next 23 Nov 2026, 10:00" in page


def test_campaign_that_ran_and_is_changed_shows_its_plan_again(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    weekly = {"kind": "recurring", "every": "week", "weekday": "MO", "at": "10:00", "zone": "shop", "again": "yes"}
    marketer.send("/campaigns/autumn/edit/when", **weekly)
    marketer.send("/campaigns/autumn/schedule")
    launch(marketer)
    with transaction(console.engine) as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT, sent_at=sample.NOW, claim_token=None))
        session.execute(update(Campaign).values(state=CampaignState.SCHEDULED))
    assert "reached" in title(marketer.page("/campaigns/autumn"))
    marketer.send("/campaigns/autumn/edit/when", **{**weekly, "at": "11:00"})
    assert title(marketer.page("/campaigns/autumn")) == "Review the plan, then activate"


def test_check_of_an_event_says_that_not_everybody_gets_it_at_once(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/edit/when", kind="event", event="followed", hours="2")
    page = marketer.page("/campaigns/autumn")
    assert "Potential recipients" in page
    assert "buyers who are due: When a buyer follows the shop: 2 hours later." in page


def test_moment_that_is_past_is_refused_in_words(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/edit/when", kind="moment", day="2026-11-20", time="10:00")
    answer = marketer.send("/campaigns/autumn/schedule")
    assert answer.status_code == 422
    assert "is in the past" in notice(answer.text)
    assert console.campaign().state is CampaignState.DRAFT


def test_list_is_narrowed_by_state(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/new/coupon-push", **{**DRAFT, "slug": "second", "name": "The second"})
    marketer.send("/campaigns/second/moves/cancel")
    assert "The second" in marketer.page("/campaigns?state=cancelled")
    assert "Autumn" not in marketer.page("/campaigns?state=cancelled").split("<main")[1]
    assert "No campaign is in this state." in marketer.page("/campaigns?state=running")


def test_run_says_its_pace_what_went_wrong_and_why_nothing_leaves(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    launch(marketer)
    with transaction(console.engine) as session:
        ids = session.exec(select(Delivery.id).where(Delivery.state == DeliveryState.WAITING)).all()
        sent = update(Delivery).where(Delivery.id.in_(ids[:10]))  # type: ignore[attr-defined]
        session.execute(sent.values(state=DeliveryState.SENT, sent_at=sample.NOW - timedelta(minutes=1)))
        for chosen, state, reason in (
            (ids[10:12], DeliveryState.UNKNOWN, Reason.NO_RECORD),
            (ids[12:13], DeliveryState.FAILED, Reason.REFUSED),
        ):
            troubled = update(Delivery).where(Delivery.id.in_(chosen))  # type: ignore[attr-defined]
            session.execute(troubled.values(state=state, reason=reason, detail="550 no such user"))
        campaign = session.exec(select(Campaign)).one()
        broken = Sender(
            shop_id=campaign.shop_id, slug="mail", name="Shop mail", medium=Medium.EMAIL, kind=SenderKind.SMTP,
            state=SenderState.BROKEN, failures=5, last_error="Nobody answers.", created_at=sample.NOW,
            broken_until=sample.NOW + timedelta(minutes=4),
        )  # fmt: skip
        session.add(broken)
        session.flush()
        campaign.sender_id = broken.id
        session.add(campaign)
    page = marketer.page("/campaigns/autumn")
    assert "10 a minute" in page
    assert step_name(Reason.REFUSED) in page
    assert "550 no such user" in page
    assert "The sender “Shop mail” failed 5 times in a row: Nobody answers. Sending is suspended until 10:04" in page
    marketer.send("/campaigns/autumn/resend/unknown")
    with reading(console.engine) as session:
        states = session.exec(select(Delivery.state).where(Delivery.id.in_(ids[10:13]))).all()  # type: ignore[attr-defined]
    assert sorted(states) == [DeliveryState.FAILED, DeliveryState.WAITING, DeliveryState.WAITING]


def test_today_names_three_campaigns_that_cannot_leave_and_counts_the_rest(console: Console) -> None:
    marketer = console.enter("marketer")
    for number in range(5):
        marketer.send("/campaigns/new/coupon-push", **{**DRAFT, "slug": f"c{number}", "name": f"Push {number}"})
        launch(marketer, f"c{number}")
    with transaction(console.engine) as session:
        shop = find_shop(session, "camellia")
        away = create_sender(
            session, shop, "away", kind=SenderKind.MEMORY, settings={}, secrets={}, at=console.now, actor="user:1"
        )
        away.state = SenderState.BROKEN
        session.execute(update(Campaign).values(sender_id=away.id))
    steps = marketer.page("").split("What to do next")[1]
    assert re.findall(r"“(Push \d)” cannot be sent", steps) == ["Push 0", "Push 1", "Push 2"]
    assert "2 more campaigns cannot be sent" in steps
    assert "Push 3, Push 4" in steps


def test_last_of_the_moving_part_asks_for_the_whole_page(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    launch(marketer)
    asked = {"headers": {"HX-Target": "live"}}
    moving = marketer.client.get("/shops/camellia/campaigns/autumn", **asked)
    with transaction(console.engine) as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT, sent_at=sample.NOW))
    done = marketer.client.get("/shops/camellia/campaigns/autumn", **asked)
    assert ("HX-Refresh" in moving.headers, done.headers.get("HX-Refresh")) == (False, "true")
    assert "<h1>" not in moving.text


def test_list_asks_for_the_lines_that_move_and_for_the_whole_page_at_the_end(console: Console) -> None:
    marketer = console.enter("marketer")
    for slug in ("autumn", "winter"):
        marketer.send("/campaigns/new/coupon-push", **DRAFT | {"slug": slug})
    assert "hx-get" not in marketer.page("/campaigns")
    launch(marketer)
    address = re.findall(
        r'hx-get="/shops/camellia(/campaigns[^"]*)" hx-trigger="every 5s"', marketer.page("/campaigns")
    )
    assert address == ["/campaigns?moving=autumn"]
    moving = marketer.client.get("/shops/camellia" + address[0])
    assert re.findall(r'<tr id="line-(\w+)" hx-swap-oob="true">', moving.text) == ["autumn"]
    assert "HX-Refresh" not in moving.headers
    with transaction(console.engine) as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT, sent_at=sample.NOW))
    assert marketer.client.get("/shops/camellia" + address[0]).headers["HX-Refresh"] == "true"


def asked_every(person: Person) -> str:
    """Return how often the page of the run asks for its moving part again."""
    return "".join(re.findall(r'id="live"[^>]*hx-trigger="every (\d+s)"', person.page("/campaigns/autumn")))


def test_run_is_looked_at_often_while_it_leaves_and_seldom_while_it_waits(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    launch(marketer)
    assert asked_every(marketer) == "2s"
    console.now += timedelta(minutes=10)
    assert asked_every(marketer) == "15s"
    with transaction(console.engine) as session:
        first = session.exec(select(Delivery).where(Delivery.state == DeliveryState.WAITING).limit(1)).one()
        first.state, first.sent_at = DeliveryState.SENT, console.now - timedelta(seconds=30)
    assert asked_every(marketer) == "2s"
    marketer.send("/campaigns/autumn/moves/pause")
    assert asked_every(marketer) == ""


def test_flyer_of_every_day_shows_its_latest_runs_alone(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    launch(marketer)
    assert "Showing the latest" not in marketer.page("/campaigns/autumn")
    with transaction(console.engine) as session:
        first = session.exec(select(Run)).one().model_dump(exclude={"id", "number"})
        session.add_all(Run(**first, number=number) for number in range(2, 53))
    page = marketer.page("/campaigns/autumn")
    live = page[page.index('id="live"') :].partition("</table>")[0]
    assert [int(number) for number in re.findall(r"<tr><td>(\d+) ", live)] == list(range(52, 2, -1))
    assert "Showing the latest 50 runs." in page


def test_finding_that_holds_in_both_languages_is_listed_once(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    for path in ("/campaigns/autumn", "/campaigns/autumn/edit/what"):
        page = marketer.page(path)
        found = re.findall(r"<li><span class=.pill warn.>.*?</li>", page, re.DOTALL)
        assert len(found) == 1, path
        assert "No buyer can open links to http://" in found[0]
        assert re.findall(r"English|Chinese", found[0]) == ["English", "Chinese"]
        assert "One problem found" in page


def test_why_finds_the_buyer_and_says_it_in_a_sentence(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    launch(marketer)
    assert "/campaigns/autumn/why/B0003" in marketer.page("/campaigns/autumn/why?q=B0003")
    assert "No buyer matches" in marketer.page("/campaigns/autumn/why?q=nobody-at-all")
    with reading(console.engine) as session:
        control = session.exec(select(Delivery.buyer_id).where(Delivery.state == DeliveryState.CONTROL)).first()
        buyer = session.get_one(Buyer, control)
    assert "They are in the control group" in title(marketer.page(f"/campaigns/autumn/why/{buyer.external_id}"))


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_is_a_step_and_a_sentence(reason: Reason) -> None:
    assert step_name(reason) != reason.value
    assert sentence(reason).endswith(".")


def test_mail_stands_in_a_page_of_its_own_that_runs_nothing(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    mail = marketer.client.get("/shops/camellia/campaigns/autumn/mail?buyer=B0003")
    policy = mail.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert "王芳" in mail.text
    viewer = console.enter("viewer").client.get("/shops/camellia/campaigns/autumn/mail?buyer=B0003")
    assert "王芳" not in viewer.text


def test_preview_shows_what_is_typed_and_saves_nothing(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    before = console.campaign().model_dump()
    typed = {"medium": "sms", "subject_en": "Hi", "body_en": "Hello {{ buyer.name }} {{ link }}", "buyer": "B0003"}
    shown = marketer.send("/campaigns/autumn/edit/what/preview", **typed).text
    assert "Hello 王芳" in shown
    assert "UCS-2" in shown
    wrong = marketer.send("/campaigns/autumn/edit/what/preview", **{**typed, "body_en": "{{ buyer.nam }}"}).text
    assert "Did you mean buyer.name?" in wrong
    assert console.campaign().model_dump() == before
