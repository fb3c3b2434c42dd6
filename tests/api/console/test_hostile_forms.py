"""No value breaks a form of the console: every page is opened once, every form of it is sent with every value.

The suite sends each form a few times, chosen by a fixed seed; `make fuzz` sends all there is (FUZZ_EXAMPLES).
"""

import gc
import itertools
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.api.console.page_forms import PageForm, Pairs, forms_in, pattern_of
from tests.api.console.whole_shop import open_whole_shop
from tests.api.test_rights import routes_of

IN_FULL = "FUZZ_EXAMPLES" in os.environ
FEW = 2
SITE = "http://testserver"
TEXTS = {
    "2^63": str(2**63),
    "-1": "-1",
    "10^30": str(10**30),
    "1e400": "1e400",
    "nan": "nan",
    "digits": "9" * 5000,
    "other digits": "²³",
    "long": "x" * 10_000,
    "NUL": "a\0b",
    "surrogate": "a\ud800b",
    "empty": "",
    "spaces": "  ",
    "text": "none of these",
    "year 1": "0001-01-01",
    "year 9999": "9999-12-31",
    "moment of year 1": "0001-01-01T00:00:00+14:00",
    "moment of 9999": "9999-12-31T23:59",
    "brackets": "[" * 3000,
    "braces": "{{ x",
    "address": "http://[::1",
}
FILES = {
    "progress": ("progress", b"a,b\n1,2\n"),
    "picture": ("p.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    "NUL file": ("a\0b.csv", b"\0\xff\xfe\0"),
    "empty file": ("", b""),
    "long name": ("x" * 3000 + ".csv", b"order_id\n"),
}

NAMES: dict[str, list[str]] = {
    "number": ["1", "2"],
    "external_id": ["B0003"],
    "recipe": ["coupon-push", "arrival-alert", "parcel-flyer", "content-post", "greeting", "group-drop"],
    "name": ["draft", "waves", "coming", "running", "dancong", "parcel", "sheet", "review", "vip", "repeat-customers"],
    "step": ["who", "what", "when", "rules"],
    "flyer": ["autumn"],
    "hook": ["erp", "off"],
    "kind": ["smtp", "sms-aliyun", "sms-twilio", "sms-http", "webhook", "robot"],
    "sender": ["mail"],
    "proof_id": ["1"],
    "part": ["1"],
    "slot": ["camellia"],
    "sha256": ["0" * 64],
}
"""What stands for each parameter of an address: all the shop has of it."""

ALSO = [
    "/print-room/new?flyer=autumn&profile=label-203",
    "/segments/new?preset=bought-but-not",
    "/tasks?last=2",
    "/tasks?task=3",
    "/segments/overlap?segment=vip&segment=repeat-customers",
]

S = "/shops/{slug}"
NOT_ON_A_PAGE = {
    f"{S}/packing/steps",  # sent by the station's own script, tried in test_packing.py
    f"{S}/segments/presets",  # only a shop without segments has it
    f"{S}/campaigns/{{name}}/sender",  # only while a sender of a run is in trouble
    f"{S}/campaigns/{{name}}/launch",  # once nobody has to approve
    f"{S}/campaigns/{{name}}/schedule",  # once nobody has to approve
    f"{S}/flyers/{{flyer}}/proofs",  # only without a proof, here as below
    f"{S}/print-room",
    f"{S}/print-room/proofs",
    f"{S}/print-room/{{number:int}}/printed",  # only before it is printed
    f"{S}/joint/{{number:int}}/partners",  # only before a partner is in
    f"{S}/joint/{{number:int}}/proofs",
    f"{S}/joint/{{number:int}}/approve",  # only with a proof
    f"{S}/joint/{{number:int}}/batches",
}
"""What the pages of this shop, as it stands, do not show."""


class Sending(NamedTuple):
    """A form with one thing wrong in it."""

    form: PageForm
    what: str
    place: str
    pairs: Pairs
    files: dict[str, tuple[str, bytes]]


@pytest.fixture
def owner(sqlite_engine: Engine, home: Path) -> TestClient:
    return open_whole_shop(sqlite_engine, home)[1]


def addresses(client: TestClient) -> Iterator[str]:
    for route in routes_of(client.app):  # type: ignore[arg-type]
        if route.method == "GET" and route.path.startswith(("/shops/{slug}", "/account")):
            for values in itertools.product(*(NAMES[name] for name in route.params if name != "slug")):
                given = iter(values)
                path = route.path.replace("{slug}", "camellia")
                yield re.sub(r"{\w+(:\w+)?}", lambda _found, given=given: next(given), path)  # type: ignore[misc]
    yield from ("/shops/camellia" + each for each in ALSO)


def forms_of(client: TestClient) -> list[PageForm]:
    """Open every page; return its forms, one for each route and set of fields."""
    posts = [each for each in routes_of(client.app) if each.method == "POST"]  # type: ignore[arg-type]
    posts.sort(key=lambda each: len(each.params))
    patterns = [(each.path, pattern_of(each.path)) for each in posts]
    found: dict[Any, PageForm] = {}
    for page in addresses(client):
        answer = client.get(page)
        assert answer.status_code < 500, page
        if answer.status_code == 200 and "html" in answer.headers.get("content-type", ""):
            for form in forms_in(page, answer.text):
                form.route = next((name for name, each in patterns if each.fullmatch(form.address)), "")
                found.setdefault((form.route, tuple(form.names)), form)
    return [form for form in found.values() if form.route]


def sendings(form: PageForm) -> list[Sending]:
    """Return a form once for each value of each field, twice with each field, once without it; files by their names."""
    kept = dict.fromkeys(form.files, ("", b""))
    found = []
    for place in [*form.names, "unasked"]:
        rest = [pair for pair in form.pairs if pair[0] != place]
        found += [Sending(form, label, place, [*rest, (place, text)], kept) for label, text in TEXTS.items()]
        found += [Sending(form, label, place, rest, kept | {place: file}) for label, file in FILES.items()]
        found.append(Sending(form, "twice", place, [*form.pairs, (place, "1"), (place, "2")], kept))
        found.append(Sending(form, "missing", place, rest, {name: kept[name] for name in kept if name != place}))
    return found


def chosen(form: PageForm, draw: random.Random) -> list[Sending]:
    """Return a few of them, or all."""
    every = sendings(form)
    return every if IN_FULL else draw.sample(every, FEW)


def body_of(sending: Sending) -> dict[str, Any]:
    """Return what a browser would send: as an upload where the form takes files or one is forced in."""
    if not sending.files:
        text = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in sending.pairs)
        return {"content": text, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    parts = [(name, "", value.encode(errors="surrogatepass")) for name, value in sending.pairs]
    parts += [(name, f'; filename="{file[0]}"', file[1]) for name, file in sending.files.items()]
    lines = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
        for name, file, content in parts
    ]
    return {"content": b"".join(lines) + b"--x--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}


def quoted(text: str) -> str:
    return quote_from_bytes(text.encode(errors="surrogatepass"))


def wrong_with(answer: Any) -> str:
    """Return what is wrong with an answer, or nothing."""
    is_json = "json" in answer.headers.get("content-type", "")
    return f"{answer.status_code} {answer.text[:80]}" if answer.status_code >= 500 or is_json else ""


def keep(file: Path) -> Path:
    """Return a copy of a database that is open."""
    whole = file.with_suffix(".whole")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(whole)) as target:
        source.backup(target)
    return whole


def put_back(engine: Engine, whole: Path, file: Path) -> None:
    engine.dispose()
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    shutil.copy(whole, file)


def test_no_value_in_a_field_breaks_a_form(owner: TestClient, sqlite_engine: Engine) -> None:
    forms, broken, draw = forms_of(owner), [], random.Random(7)
    posts = {each.path for each in routes_of(owner.app) if each.method == "POST"}  # type: ignore[arg-type]
    ours = {path for path in posts if path.startswith(("/shops/", "/account/"))}
    assert ours - {form.route for form in forms} == NOT_ON_A_PAGE, "a form that no page shows is not tried"
    file = Path(sqlite_engine.url.database or "")
    whole = keep(file)
    for form in forms:
        if form.route in ENDING:
            continue
        for sending in chosen(form, draw):
            body = body_of(sending)
            body["headers"] |= {"Referer": SITE + form.page} | ({"HX-Request": "true"} if form.is_htmx else {})
            wrong = wrong_with(owner.post(form.address, **body))
            if wrong:
                broken.append((form.route, sending.place, sending.what, wrong))
        put_back(sqlite_engine, whole, file)
    gc.collect()  # an upload that nobody closed fails this test, not a later one
    assert broken == []


ENDING = {"/logout", "/account/sign-out-everywhere"}
"""What ends the login that asks."""
