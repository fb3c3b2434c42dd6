"""No value breaks what strangers and gateways may send: public pages, signing in, links to join, inbound calls."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import col, select

from campaigns.offers.links import Link
from campaigns.optouts.inbound import inbound_token
from campaigns.optouts.unsubscribe_links import unsubscribe_token
from retention import invitations
from retention.access import Role, terminal_member
from retention.consent import Channel
from retention.database import reading, transaction
from retention.shops import Shop
from tests.api.console import sample
from tests.api.console.test_hostile_forms import TEXTS, wrong_with
from tests.api.console.whole_shop import open_whole_shop
from tests.api.test_rights import routes_of

FIELDS = {
    "/Q/{token}/claim": [],
    "/q/{token}/claim": [],
    "/u/{token}": ["choice", "keep"],
    "/join/{token}": ["name", "password"],
    "/login": ["email", "password", "next"],
    "/in/{token}/sms": ["From", "Body", "MessageSid"],
    "/in/{token}/mail": ["text"],
}
"""Every address that somebody without a login may post to, with the fields it reads."""

TOLD_AS_JSON = {"Content-Type": "application/json"}
_visitors = itertools.count(1)


def test_no_value_breaks_what_strangers_and_gateways_send(sqlite_engine: Engine, home: Path) -> None:
    app, _ = open_whole_shop(sqlite_engine, home)
    ours = ("/shops/", "/account/", "/api/")
    posts = {each.path for each in routes_of(app) if each.method == "POST" and not each.path.startswith(ours)}
    assert posts - set(FIELDS) == {"/logout"}  # which asks for a login
    broken, taken = [], set()
    for path, token in _tokens(app, sqlite_engine).items():
        for what, body in _bodies(FIELDS[path], as_json=path.endswith("/sms")):
            answer = _visitor(app).post(path.replace("{token}", token), **body)
            taken |= {path} if answer.status_code < 400 else set()
            if answer.status_code >= 500 or (wrong_with(answer) and not path.startswith("/in/")):
                broken.append((path, what, answer.status_code, answer.text[:80]))
    for path, named in itertools.product(FIELDS, ("none", "%00", "%F0%28", "x" * 3000, str(2**63))):
        answer = _visitor(app).post(path.replace("{token}", named), data={})
        if answer.status_code >= 500:
            broken.append((path, named[:9], answer.status_code, answer.text[:80]))
    assert broken == []
    assert taken == set(FIELDS) - {"/login"}  # among it all is what each takes, so the doors were open


def _visitor(app: FastAPI) -> TestClient:
    """Return another visitor each time, for the limits are not what is tried."""
    number = next(_visitors)
    return TestClient(app, client=(f"10.1.{number // 250}.{number % 250}", 5), follow_redirects=False)


def _tokens(app: FastAPI, engine: Engine) -> dict[str, str]:
    """Return for each address a token that opens it."""
    key = app.state.settings.signing_key()
    with transaction(engine) as session:
        shop = session.exec(select(Shop).where(Shop.slug == "camellia")).one()
        by = terminal_member(shop.id, "tests")
        _, joining = invitations.invite(session, shop, "new@example.com", role=Role.VIEWER, by=by, at=sample.NOW)
        inbound = inbound_token(key, shop_id=shop.id)
        leaving = unsubscribe_token(key, shop_id=shop.id, buyer_id=1, channel=Channel.EMAIL)
    with reading(engine) as session:
        link = (
            session.exec(select(Link.token).where(Link.shop_id == shop.id, col(Link.coupon_id).is_not(None))).first()
            or ""
        )
    return {
        "/Q/{token}/claim": link, "/q/{token}/claim": link, "/u/{token}": leaving, "/join/{token}": joining,
        "/login": "", "/in/{token}/sms": inbound, "/in/{token}/mail": inbound,
    }  # fmt: skip


def _bodies(fields: list[str], *, as_json: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what may be sent: nothing, noise, and each value in each field, as a form and where it is read as JSON."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    yield "nothing", {}
    yield "noise", {"content": bytes(range(256))}
    for name, (what, text) in itertools.product(fields, TEXTS.items()):
        rest = "&".join(f"{each}=may" for each in fields if each != name)
        value = quote_from_bytes(text.encode(errors="surrogatepass"))
        yield f"{name}: {what}", {"content": f"{name}={value}&{rest}", "headers": form}
        yield f"{name} twice", {"content": f"{name}={value}&{name}={value}&{rest}", "headers": form}
    if not as_json:
        return
    plain = {"from": "13800138000", "text": "STOP", "id": "1", "timestamp": "2026-03-09T12:00:00Z"}
    for name, bad in itertools.product(plain, [*TEXTS.values(), None, 2**63, 1e308, [], {}, [[]], True]):
        yield f"JSON {name}: {bad!r:.20}", {"content": json.dumps(plain | {name: bad}), "headers": TOLD_AS_JSON}
    for whole in ([], {}, None, 5, "text", [None], [plain] * 50):
        yield f"JSON {whole!r:.20}", {"content": json.dumps(whole), "headers": TOLD_AS_JSON}
