"""What fails by itself is told on the page of the thing and on Today, and a person can have it tried again."""

from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe
from campaigns.campaign.media import Medium
from campaigns.channels.senders import Sender, SenderKind, create_sender
from campaigns.webhooks.webhooks import Webhook, create_webhook
from retention.database import reading, transaction
from retention.errors import Conflict
from retention.failures import MOST_TRIES, Failure, Thing, write_failure
from retention.shops import find_shop
from segments.segments import Segment
from tests.api.console import sample
from tests.api.console.doors import HOME, SignIn, send

WHY = "Something nobody foresaw"


def fail_everything(engine: Engine) -> dict[str, str]:
    """Have one of each kind fail until it is given up; return the pages that must tell it."""
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        create_webhook(
            session, shop, "erp", url="https://erp.example/", events=["message.sent"], at=sample.NOW, actor="u"
        )
        create_sender(session, shop, "own", kind=SenderKind.MEMORY, settings={}, secrets={}, at=sample.NOW, actor="u")
        hook, sender, segment = (session.exec(select(kind)).first() for kind in (Webhook, Sender, Segment))
        campaign = Campaign(
            shop_id=shop.id, slug="autumn", name="Autumn", recipe=Recipe.COUPON_PUSH, medium=Medium.EMAIL,
            state=CampaignState.RUNNING, audience={"segment": "repeat-customers"}, secret="s", created_by="u",
            created_at=sample.NOW,
        )  # fmt: skip
        session.add(campaign)
        session.flush()
        assert hook
        assert sender
        assert segment
        things = [
            ("hook", Thing(shop.id, "hook", hook.id, hook.slug), f"/hooks/{hook.slug}"),
            ("sender", Thing(shop.id, "sender", sender.id, sender.slug), "/senders"),
            ("refresh", Thing(shop.id, "segment", segment.id, segment.slug), f"/segments/saved/{segment.slug}"),
            ("events", Thing(shop.id, "campaign", campaign.id, campaign.slug), f"/campaigns/{campaign.slug}"),
            ("orders", Thing(shop.id, "shop", shop.id), ""),
        ]
        for work, thing, _ in things:
            for _ in range(MOST_TRIES):
                write_failure(session, work, thing, Conflict(WHY), now=sample.NOW)
        return {thing.kind: page for _, thing, page in things}


def test_each_kind_is_shown_on_its_page_and_all_on_today(camellia: Engine, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    pages = fail_everything(camellia)
    for kind, page in pages.items():
        shown = owner.get(f"{HOME}{page}").text
        assert WHY in shown, kind
        assert f"Attempts: {MOST_TRIES}." in shown, kind
    assert owner.get(HOME).text.count(WHY) == len(pages)


def test_a_person_has_it_tried_again_and_a_viewer_only_reads(camellia: Engine, sign_in: SignIn) -> None:
    fail_everything(camellia)
    with reading(camellia) as session:
        number = session.exec(select(Failure.id).where(Failure.kind == "hook")).one()
    assert "/failures/" not in sign_in("viewer").get(HOME).text
    send(sign_in("marketer"), f"/failures/{number}/retry")
    with reading(camellia) as session:
        assert session.get(Failure, number) is None
