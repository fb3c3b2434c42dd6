"""One shop that has one of everything a page can show, and what names each of these in an address."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, col, select, update

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.channels.senders import SenderKind, create_sender
from campaigns.offers.offers import find_offer
from campaigns.optouts.topics import create_topic
from campaigns.runs.drafting import create_campaign
from campaigns.runs.launch import launch
from campaigns.runs.scheduling import schedule
from campaigns.webhooks.webhooks import WebhookCall, WebhookCallState, WebhookEvent, create_webhook
from printables.flyers import copy_of, create_flyer
from printables.make_batch import make_batch
from printables.piece_ledger import PrintResult, mark_printed
from printables.proofs import make_proof
from retention.access import terminal_member
from retention.database import transaction
from retention.errors import Conflict
from retention.failures import Thing, write_failure
from retention.files import open_store
from retention.ingest.jobs import run_import
from retention.products import Product
from retention.queue import app as queue
from retention.settings import Settings
from retention.shops import Shop, find_shop
from segments.presets import save_presets
from tests.api.console import post_shop, sample
from tests.api.console.doors import HOME
from tests.api.console.paper_shop import EVERYBODY
from tests.apps import create_app
from tests.sign_in import sign_in, token_of

NOW = sample.NOW
SITE = "http://testserver"
PAPER = {"control_share": 0.2, "caps": []}


def open_whole_shop(engine: Engine, home: Path) -> tuple[FastAPI, TestClient]:
    """Fill the database; return the application and the browser of the shop's owner."""
    settings = Settings(home=home, secret=sample.SIGNING_KEY, public_url="https://r.example.cn")
    queue.conf.update(broker_url="memory://")
    post_shop.fill(engine, open_store(settings))
    app = create_app(settings, engine=engine, now=lambda: NOW)
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        save_presets(session, shop, at=NOW)
        _campaigns(session, shop)
        _links_to_others(session, shop)
    _paper(engine, settings)
    owner = browser(app)
    _by_hand(owner, engine)
    return app, owner


def browser(app: FastAPI, who: str = "owner", shop: str = "camellia") -> TestClient:
    """Sign somebody in; their forms carry the token of their pages."""
    headers = {"Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}
    client = TestClient(app, headers=headers, follow_redirects=False, raise_server_exceptions=False)
    sign_in(client, f"{who}@{shop}.example")
    client.headers["X-CSRF-Token"] = token_of(client)
    return client


def _campaigns(session: Session, shop: Shop) -> None:
    """Make a draft, one in review, one that is coming, one that repeats, one paused, one running and one posted."""
    offer = find_offer(session, shop.id, "autumn-20").id

    def make(slug: str, **values: Any) -> Campaign:
        given = {"recipe": Recipe.COUPON_PUSH, "audience": EVERYBODY, "offer_id": offer} | values
        return create_campaign(session, shop, Draft(slug, name=slug.title(), **given), at=NOW, actor="user:2")

    make("draft")
    make("waves", recipe=Recipe.COUPON_PUSH)
    schedule(session, make("coming"), launch_at=NOW + timedelta(days=2), at=NOW, actor="user:1")
    run = launch(session, shop, make("running", policy={"control_share": 0.0, "caps": []}), at=NOW, actor="user:1")
    ids = list(session.exec(select(Delivery.id).where(Delivery.run_id == run.id).limit(4)))
    for number, state in zip(ids, (DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SENT), strict=False):
        session.exec(update(Delivery).where(col(Delivery.id) == number).values(state=state))
    post_shop.post_campaign(session)
    post_shop.post_campaign(session, "second", name="Second")


def _links_to_others(session: Session, shop: Shop) -> None:
    """Make two hooks with calls, a topic and a failure."""
    hook, _secret = create_webhook(
        session, shop, "erp", url="https://127.0.0.1/hook", events=["message.sent"], at=NOW, actor="user:1"
    )
    off, _secret = create_webhook(
        session, shop, "off", url="https://127.0.0.1/off", events=["message.sent"], at=NOW, actor="user:1"
    )
    off.active = False
    session.flush()
    for number, state in enumerate((WebhookCallState.FAILED, WebhookCallState.SENT)):
        session.add(
            WebhookCall(
                shop_id=shop.id, hook_id=hook.id, key=f"k{number}", event=WebhookEvent.SENT,
                body={"type": "message.sent"}, state=state, due_at=NOW, answer="503",
            )
        )  # fmt: skip
    create_topic(session, shop, "news", names={"en": "News", "zh-CN": "上新"}, at=NOW, actor="user:1")
    write_failure(session, "hook", Thing(shop.id, "hook", hook.id, hook.slug), Conflict("no"), now=NOW)


def _paper(engine: Engine, settings: Settings) -> None:
    """Make a flyer with proofs, a printed batch, a campaign of a joint flyer, and what the neighbour puts on it."""
    files, url = open_store(settings), settings.public_url
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        tea = session.exec(select(Product.id).where(Product.sku == "TEA-1")).one()
        offer = find_offer(session, shop.id, "autumn-20").id
        for slug, recipe in (("parcel", Recipe.PARCEL_FLYER), ("sheet", Recipe.JOINT_FLYER)):
            campaign = create_campaign(
                session,
                shop,
                Draft(
                    slug,
                    name=slug.title(),
                    recipe=recipe,
                    audience=EVERYBODY,
                    offer_id=offer,
                    product_id=tea,
                    policy=PAPER,
                ),
                at=NOW,
                actor="user:1",
            )
            campaign.secret = "5eed" * 8
            session.flush()
            run = launch(session, shop, campaign, at=NOW, actor="user:1")
            if recipe is Recipe.PARCEL_FLYER:
                flyer = create_flyer(session, shop, campaign, slug="autumn", name="秋茶券", at=NOW, by="user:1")
                session.flush()
                make_proof(
                    session, shop, flyer, copy_of(session, shop, flyer), profile="label-203", files=files,
                    public_url=url, at=NOW, by="user:1",
                )  # fmt: skip
                numbers = flyer.id, run.id
    batch = make_batch(engine, *numbers, profile="label-203", files=files, public_url=url, at=NOW, by="user:1")
    with transaction(engine) as session:
        mark_printed(session, terminal_member(batch.shop_id, "tests"), batch.number, PrintResult.GOOD, at=NOW)


def _by_hand(owner: TestClient, engine: Engine) -> None:
    """Make the rest on the pages themselves, as its people do."""

    def send(path: str, **fields: Any) -> None:
        file = fields.pop("_files", None)
        answer = owner.post(HOME + path, data=fields, files=file)
        assert answer.status_code in {200, 303}, (path, answer.status_code, answer.text[-2000:])

    send("/people/invite", email="mei@camellia.example", name="Mei", role="viewer")
    send("/people/keys", name="till", scopes="orders:write")
    send("/imports", kind="orders", _files={"file": ("o.csv", b"order_id,buyer_id\n1,2\n", "text/csv")})
    send("/imports/1/mapping", name="Till")
    send("/imports/statuses", word="寄存", meaning="paid")
    send("/imports", kind="buyers", _files={"file": ("b.csv", b"buyer_id,name\nzoe,Zoe\n", "text/csv")})
    send("/imports/2/start")
    run_import(engine, 2, now=lambda: NOW, files=owner.app.state.files)  # type: ignore[attr-defined]
    send("/segments/lists", name="Staff", short_name="staff", _files={"file": ("l.txt", b"B0001\n", "text/plain")})
    send("/joint", theme="Tea", short="together", language="en")
    send("/joint/1/partners", partner="teahouse")
    send("/tasks/1/take")
    send("/tasks/2/take")
    send("/tasks/2/sent", note="Done")
    send("/campaigns/running/moves/pause")
    mail = {"host": "127.0.0.1", "port": 9, "mail_from": "shop@r.example.cn"}
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        create_sender(session, shop, "mail", kind=SenderKind.SMTP, settings=mail, secrets={}, at=NOW, actor="user:1")
        save_shop_policy(session, shop, values={"approval_required": True}, at=NOW, actor="user:1")
    marketer = browser(owner.app, "marketer")  # type: ignore[arg-type]
    draft = {"slug": "review", "name": "Review", "segment": "repeat-customers", "offer": "autumn-20", "to": "check"}
    made = marketer.post(f"{HOME}/campaigns/new/coupon-push", data=draft)
    assert made.status_code == 303, made.text[-2000:]
    assert marketer.post(f"{HOME}/campaigns/review/review/submit").status_code == 303
