"""Bots: a group hears a post once, and all it serves are sent, failed or unknown together."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Delivery, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import PostState
from campaigns.channels.channel import Refused, TryLater, Undecided
from campaigns.channels.memory import MemoryChannel
from campaigns.channels.senders import Sender
from campaigns.deliveries import campaign_moves, ledger
from campaigns.deliveries.claiming import BACK_OFF, CLAIM, expire_claims
from campaigns.deliveries.stopping import skip_buyer
from campaigns.posts.bots import send_posts
from campaigns.posts.outcomes import reconcile_posts
from campaigns.runs.drafting import find_campaign
from campaigns.sending.sending import resend, send_waiting
from retention.consent import Channel
from retention.errors import Conflict
from retention.files import FileStore
from retention.products import Product
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import SITE, bot, group, launched, posted, posts_of, sent_touches, states

ROOT = Path(__file__).resolve().parents[2]
Act = Callable[[Callable[[Stage], Any]], Any]


def prepared(on_stage: Act, *names: str, slug: str = "tea") -> None:
    """Launch a campaign by the bot of one group of these buyers."""

    def prepare(stage: Stage) -> None:
        group(stage, slug, *(stage.buyer(name) for name in names))
        bot(stage, slug)
        launched(stage, posted(stage, Medium.BOT))

    on_stage(prepare)


def say(engine: Engine, channel: MemoryChannel, *, now: datetime = NOON) -> Counter[str]:
    return send_posts(engine, lambda _: channel, public_url=SITE, now=now)


def memory(**errors: Exception) -> MemoryChannel:
    return MemoryChannel(Medium.BOT, errors={group: [error] for group, error in errors.items()})


def all_states(session: Session) -> list[str]:
    return states(session, *session.exec(select(Delivery.buyer_id)))


def test_group_hears_it_once_and_everybody_in_it_is_sent(engine: Engine, on_stage: Act) -> None:
    prepared(on_stage, "ada", "bea", "cem")
    channel = memory()
    assert say(engine, channel) == Counter(sent=1)
    assert say(engine, channel, now=later(hours=1)) == Counter()

    def look(stage: Stage) -> None:
        post = posts_of(stage.session)[0]
        assert [(message.to, message.text) for message in channel.taken] == [("tea", post.text)]
        assert post.text.endswith(f"{SITE}/Q/{post.token}")
        assert (post.state, post.sent_by, all_states(stage.session)) == (PostState.SENT, "robot", ["sent"] * 3)
        assert sent_touches(stage.session) == 3
        run = stage.session.exec(select(Run)).one()
        assert ledger.count(stage.session, run).sent == 3
        assert campaign_moves.finish_done(stage.session, at=NOON) == 1

    on_stage(look)


def test_bot_of_each_group_speaks_in_its_own_and_a_group_without_one_is_not_reached(
    engine: Engine, on_stage: Act
) -> None:
    def prepare(stage: Stage) -> None:
        for name in ("one", "two", "mute"):
            group(stage, name, stage.buyer(f"in-{name}"))
        bot(stage, "one")
        bot(stage, "two")
        run = launched(stage, posted(stage, Medium.BOT))
        assert ledger.count(stage.session, run).skipped == {"no_address": 1}

    on_stage(prepare)
    used: list[str] = []

    def channel_for(sender: Sender) -> MemoryChannel:
        used.append(sender.slug)
        return memory()

    assert send_posts(engine, channel_for, public_url=SITE, now=NOON) == Counter(sent=2)
    assert used == ["robot-one", "robot-two"]


def test_campaign_with_a_bot_of_its_own_speaks_only_there(stage: Stage) -> None:
    ada = stage.buyer("ada")
    one = group(stage, "one", ada, stage.buyer("bea"))
    group(stage, "two", ada)
    bot(stage, "one")
    drafted = posted(stage, Medium.BOT)
    drafted.sender_id = bot(stage, "two").id
    launched(stage, drafted)
    assert [post.group_id for post in posts_of(stage.session)] == [one.id + 1]
    assert sorted(all_states(stage.session)) == ["waiting"]


def test_launch_where_no_group_has_a_bot_is_refused(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    with pytest.raises(Conflict, match="Add a group, and for bot posts the bot in it"):
        launched(stage, posted(stage, Medium.BOT))


def test_ordinary_sending_never_hands_a_group_post_to_single_buyers(engine: Engine, on_stage: Act) -> None:
    prepared(on_stage, "ada", "bea")
    channel = memory()
    send_waiting(engine, channel, now=later(hours=1))
    assert channel.taken == []


@pytest.mark.parametrize(
    ("error", "word", "post", "delivery"),
    [
        (Refused("not a member"), "failed", PostState.FAILED, "failed:refused"),
        (Undecided("no response"), "unknown", PostState.UNKNOWN, "unknown:no_record"),
        (TryLater("too fast"), "later", PostState.WAITING, "waiting"),
    ],
)
def test_what_the_bot_answers_holds_for_the_whole_group(
    engine: Engine, on_stage: Act, error: Exception, word: str, post: PostState, delivery: str
) -> None:
    prepared(on_stage, "ada", "bea")
    assert say(engine, memory(tea=error)) == Counter({word: 1})

    def look(stage: Stage) -> None:
        assert all_states(stage.session) == [delivery] * 2
        assert posts_of(stage.session)[0].state is post

    on_stage(look)


def test_bot_asked_to_wait_is_tried_again_after_a_minute_and_gives_up_at_the_end(engine: Engine, on_stage: Act) -> None:
    prepared(on_stage, "ada")
    now, channel = NOON, memory()
    for wait in BACK_OFF:
        channel.errors = {"tea": [TryLater("busy")]}
        assert say(engine, channel, now=now) == Counter(later=1)
        assert say(engine, channel, now=now + wait / 2) == Counter()
        now += wait
    channel.errors = {"tea": [TryLater("busy")]}
    assert say(engine, channel, now=now) == Counter(failed=1)
    on_stage(lambda stage: _same(all_states(stage.session), ["failed:gave_up"]))


def _same(found: object, wanted: object) -> None:
    assert found == wanted


def test_bot_killed_after_it_spoke_leaves_everybody_unknown_and_the_group_hears_it_once(
    engine: Engine, database_url: str, on_stage: Act, tmp_path: Path
) -> None:
    prepared(on_stage, "ada", "bea", "cem")
    heard = tmp_path / "heard"
    command = [sys.executable, ROOT / "tests/campaigns/bot_that_dies.py", database_url, heard, NOON.isoformat()]
    died = subprocess.run([str(part) for part in command], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert (died.returncode, heard.read_text()) == (-9, "tea")
    channel = memory()
    assert say(engine, channel, now=NOON + CLAIM) == Counter()

    def sweep(stage: Stage) -> None:
        expire_claims(stage.session, now=NOON + CLAIM)
        reconcile_posts(stage.session, at=NOON + CLAIM)
        assert all_states(stage.session) == ["unknown:no_record"] * 3
        assert posts_of(stage.session)[0].state is PostState.UNKNOWN
        run = stage.session.exec(select(Run)).one()
        assert (ledger.count(stage.session, run).unknown, ledger.count(stage.session, run).adds_up) == (3, True)

    on_stage(sweep)
    assert say(engine, channel, now=later(days=1)) == Counter()
    assert channel.taken == []


def test_person_has_an_unknown_post_said_once_more(engine: Engine, on_stage: Act) -> None:
    prepared(on_stage, "ada", "bea")
    say(engine, memory(tea=Undecided("no response")))

    def again(stage: Stage) -> None:
        ids = list(stage.session.exec(select(Delivery.id)))
        assert resend(stage.session, stage.shop, ids, at=later(hours=1), actor="user:1") == 2
        reconcile_posts(stage.session, at=later(hours=1))

    on_stage(again)
    channel = memory()
    assert say(engine, channel, now=later(hours=1)) == Counter(sent=1)
    on_stage(lambda stage: _same(all_states(stage.session), ["sent", "sent"]))


def test_post_that_may_have_been_said_stays_unknown_when_its_second_try_is_too_late(
    engine: Engine, on_stage: Act
) -> None:
    prepared(on_stage, "ada", "bea")
    say(engine, memory(tea=Undecided("no answer")))

    def again_too_late(stage: Stage) -> None:
        ids = list(stage.session.exec(select(Delivery.id)))
        assert resend(stage.session, stage.shop, ids, at=later(hours=1), actor="user:1") == 2
        reconcile_posts(stage.session, at=later(hours=1))
        reconcile_posts(stage.session, at=later(days=9))
        _same(all_states(stage.session), ["unknown:no_record"] * 2)
        assert posts_of(stage.session)[0].state == PostState.EXPIRED

    on_stage(again_too_late)


def test_post_skipped_since_nobody_was_left_is_said_when_somebody_is_sent_it_again(
    engine: Engine, on_stage: Act
) -> None:
    prepared(on_stage, "ada")
    say(engine, memory(tea=Undecided("no response")))

    def again(stage: Stage) -> None:
        assert resend(stage.session, stage.shop, [1], at=later(hours=1), actor="user:1") == 1
        reconcile_posts(stage.session, at=later(hours=1))

    def stop(stage: Stage) -> None:
        assert skip_buyer(stage.session, stage.shop.id, buyer_id=1) == 1
        reconcile_posts(stage.session, at=later(hours=1))
        assert posts_of(stage.session)[0].state == PostState.SKIPPED

    for act in (again, stop, again):
        on_stage(act)
    assert say(engine, memory(), now=later(hours=1)) == Counter(sent=1)
    on_stage(lambda stage: _same(all_states(stage.session), ["sent"]))


def test_cancel_pause_and_a_no_before_the_post_are_heeded(engine: Engine, on_stage: Act) -> None:
    def prepare(stage: Stage) -> None:
        bea = stage.buyer("bea")
        group(stage, "tea", stage.buyer("ada"), bea)
        bot(stage, "tea")
        row = posted(stage, Medium.BOT)
        launched(stage, row)
        stage.answer(bea, "out", Channel.GROUP)
        campaign_moves.pause(stage.session, row, at=NOON, actor="user:1")

    on_stage(prepare)
    channel = memory()
    assert say(engine, channel) == Counter()

    def resume(stage: Stage) -> None:
        campaign_moves.resume(stage.session, find_campaign(stage.session, 1, "drop"), at=NOON, actor="user:1")

    on_stage(resume)
    assert say(engine, channel) == Counter(sent=1)
    on_stage(lambda stage: _same(all_states(stage.session), ["skipped:no_consent", "sent"]))


def test_sold_out_product_silences_the_bot(engine: Engine, on_stage: Act) -> None:
    prepared(on_stage, "ada")

    def sell(stage: Stage) -> None:
        stage.session.exec(select(Product)).one().stock = 0

    on_stage(sell)
    channel = memory()
    assert say(engine, channel) == Counter(skipped=1)
    assert channel.taken == []
    on_stage(lambda stage: _same(all_states(stage.session), ["skipped:sold_out"]))


def test_quiet_hours_make_the_bot_wait_until_they_are_over(engine: Engine, on_stage: Act) -> None:
    def prepare(stage: Stage) -> None:
        group(stage, "tea", stage.buyer("ada"))
        bot(stage, "tea")
        launched(stage, posted(stage, Medium.BOT, policy={"quiet": {"from": "22:00", "to": "08:00", "zone": "shop"}}))

    on_stage(prepare)
    channel = memory()
    assert say(engine, channel, now=datetime.fromisoformat("2026-03-10T23:00+08:00")) == Counter(later=1)
    morning = datetime.fromisoformat("2026-03-11T08:00+08:00")
    on_stage(lambda stage: _same(posts_of(stage.session)[0].due_at, morning))
    assert say(engine, channel, now=morning) == Counter(sent=1)


def test_post_takes_the_picture_of_its_product_along_and_leaves_without_one_that_is_not_stored(
    engine: Engine, on_stage: Act, tmp_path: Path
) -> None:
    files = FileStore(tmp_path / "files")

    def prepare(stage: Stage) -> None:
        for slug, picture in (("tea", files.put(b"a picture")), ("lost", "cd" * 32)):
            group(stage, slug, stage.buyer(f"in-{slug}"))
            drafted = posted(stage, Medium.BOT, f"drop-{slug}")
            drafted.sender_id = bot(stage, slug).id
            stage.session.get_one(Product, drafted.product_id).picture = picture
            launched(stage, drafted)

    on_stage(prepare)
    channel = memory()
    assert send_posts(engine, lambda _: channel, public_url=SITE, files=files, now=NOON) == Counter(sent=2)

    def look(stage: Stage) -> None:
        address = f"{SITE}/Q/{posts_of(stage.session)[0].token}/picture"
        said = {message.to: (message.picture, message.picture_address) for message in channel.taken}
        assert said == {"tea": (b"a picture", address), "lost": (b"", "")}

    on_stage(look)
