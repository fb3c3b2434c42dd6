"""The commands on paper, typed as a person types them, on the embedded database."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from api.cli import main, terminal
from campaigns.campaign.campaigns import Campaign, Recipe, Run
from campaigns.campaign.draft import Draft
from campaigns.offers.offers import OfferKind, create_offer
from campaigns.runs.drafting import create_campaign
from campaigns.runs.launch import launch
from printables.batches import Piece
from printables.joint.slots import add_partner, fill_slot, open_joint
from retention import clock
from retention.access import Role, terminal_member
from retention.buyers import Buyer
from retention.database import transaction
from retention.files import open_store
from retention.parcels import Parcel
from retention.products import Product
from retention.settings import get_settings
from retention.shops import Shop, find_shop
from retention.users import add_user
from tests.factories import make_shop
from tests.printables import samples

Command = Callable[..., Any]


@pytest.fixture
def home(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path))
    monkeypatch.setenv("REGULARS_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("REGULARS_BROKER_URL", "memory://")
    monkeypatch.setenv("REGULARS_PUBLIC_URL", "https://r.example.cn")
    get_settings.cache_clear()
    terminal.engine.cache_clear()
    yield tmp_path
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


@pytest.fixture
def regulars(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `regulars ...`: what it answered as JSON, or its exit code and its one line."""

    def run(words: str) -> Any:
        code: object = 0
        try:
            main([*words.split(), "--json"])
        except SystemExit as left:
            code = left.code
        said = capsys.readouterr()
        return (code, said.err.strip().splitlines()[-1]) if code else json.loads(said.out)

    return run


def test_a_flyer_from_its_campaign_to_a_closed_batch(
    regulars: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _with_session(lambda session: _launched(session, _shop(session, "tea"), Recipe.PARCEL_FLYER))

    assert regulars("batches make thanks --shop tea") == (1, "regulars: No flyer is called thanks.")
    made = regulars("flyers create thanks --shop tea --campaign autumn --set headline=慢慢喝")
    assert (made["says"]["headline"], made["says"]["amount"]) == ("慢慢喝", "¥20")
    assert regulars("batches make thanks --shop tea")[0] == 1
    proof = regulars(f"flyers prove thanks --shop tea --out {home / 'proof.pdf'}")
    assert (proof["passed"], proof["targets"]) == (True, {"qr": "tea / autumn / TEA-1"})

    batch = regulars(f"batches make thanks --shop tea --most 2 --out {home / 'paper'}")
    assert (batch["batch"], batch["state"], batch["pieces"], batch["sheets"]) == (1, "rendered", 2, 1)
    codes = regulars(f"verify {home / 'paper' / 'batch-1.pdf'}")
    assert (codes["pages"], len(codes["codes"])) == (1, 2)

    assert regulars("batches printed 1 --shop tea")["changed"] > 0
    assert regulars("batches printed 1 --shop tea")["changed"] == 0
    with pytest.raises(SystemExit):
        main(["batches", "printed", "1", "--shop", "tea"])
    said = "Nothing changed: every insert of batch 1 already has a print result."
    assert capsys.readouterr().err.strip() == said
    again = regulars(f"batches reprint {codes['codes'][0]['text']} --shop tea")
    assert (again["batch"], again["pieces"], again["generation"]) == (2, 1, 2)
    code, line = regulars("batches close 1 --shop tea")
    assert (code, "1 of 2 inserts are neither packed" in line) == (1, True)
    closed = regulars("batches close 1 --shop tea --unused")
    assert (closed["counts"], closed["open"]) == ({"spoiled": 1, "unused": 1}, 0)
    assert regulars("batches show 1 --shop tea")["state"] == "closed"
    # The unused one may be printed again, and so may the one that was in no wave yet; the reprint is on its way.
    assert regulars("batches make thanks --shop tea")["pieces"] == 2
    assert len(_with_session(lambda session: session.exec(select(Piece)).all())) == 5


def test_a_joint_flyer_from_proof_to_matrix(regulars: Command) -> None:
    _with_session(_open_joint)

    assert regulars("joint list --shop pots") == {"joint_flyers": [{"number": 1, "theme": "好茶配好器"}]}
    proof = regulars("joint prove 1 --shop tea --by a@tea.example")
    assert proof["passed"]
    sha256 = proof["sha256"]
    code, line = regulars(f"joint approve 1 {sha256} --shop tea --by a@tea.example")
    assert (code, line) == (1, "regulars: You cannot approve your own proof: another user must approve it.")
    assert regulars(f"joint approve 1 {sha256} --shop tea --by a@pots.example")[0] == 1
    regulars(f"joint approve 1 {sha256} --shop tea --by b@tea.example")
    code, line = regulars("joint print 1 --shop pots --campaign autumn")
    assert (code, "青瓷 has not approved this proof yet" in line) == (1, True)
    regulars(f"joint approve 1 {sha256} --shop pots --by a@pots.example")
    assert regulars("joint show 1 --shop tea")["may_print"]

    assert regulars("joint print 1 --shop pots --campaign autumn")["pieces"] == 3
    cells = regulars("joint matrix 1 --shop pots")["cells"]
    assert [(cell["carrier"], cell["owner"], cell["copies"]) for cell in cells] == [
        ("tea", "tea", 0),
        ("tea", "pots", 0),
        ("pots", "tea", 0),
        ("pots", "pots", 0),
    ]
    assert regulars("joint matrix 2 --shop pots") == (1, "regulars: No joint flyer has the number 2.")


def test_what_is_no_pdf_and_what_has_no_code_is_said_in_one_line(regulars: Command, home: Path) -> None:
    (home / "cup.jpg").write_bytes(samples.picture())

    code, line = regulars(f"verify {home / 'cup.jpg'}")
    assert (code, line.endswith("cannot be opened as a PDF.")) == (2, True)
    assert regulars(f"verify {home / 'nothing.pdf'}")[0] != 0


def _with_session(act: Callable[[Session], Any]) -> Any:
    with transaction(terminal.engine()) as session:
        return act(session)


def _shop(session: Session, slug: str, name: str = "山茶") -> Shop:
    now = clock.now()
    shop = make_shop(session, slug, name=name, at=now)
    create_offer(
        session,
        shop.id,
        "autumn",
        name="20 off",
        kind=OfferKind.AMOUNT,
        value=2000,
        minimum=9900,
        at=now,
        actor="system",
    )
    picture = open_store(get_settings()).put(samples.picture())
    session.add(Product(shop_id=shop.id, sku="TEA-1", title="凤凰单丛", price=6800, picture=picture))
    for number in range(1, 4):
        buyer = Buyer(shop_id=shop.id, external_id=f"B{number}", name="林晚", created_at=now)
        session.add(buyer)
        session.flush()
        session.add(Parcel(shop_id=shop.id, waybill=f"SF{number}", buyer_id=buyer.id, ship_day=shop.day(now)))
    session.flush()
    return shop


def _launched(session: Session, shop: Shop, recipe: Recipe) -> tuple[Campaign, Run]:
    product = session.exec(select(Product).where(Product.shop_id == shop.id)).one()
    campaign = create_campaign(
        session,
        shop,
        Draft(
            "autumn",
            recipe=recipe,
            audience={"buyer": {"field": "external_id", "exists": True}},
            offer_id=product.id,
            product_id=product.id,
            policy={"control_share": 0.0, "caps": []},
        ),
        at=clock.now(),
        actor="system",
    )
    return campaign, launch(session, shop, campaign, at=clock.now(), actor="system")


def _open_joint(session: Session) -> None:
    now, files = clock.now(), open_store(get_settings())
    tea, pots = _shop(session, "tea"), _shop(session, "pots", "青瓷")
    _launched(session, pots, Recipe.JOINT_FLYER)
    joint = open_joint(session, terminal_member(tea.id, "tests"), "cups", theme="好茶配好器", language="zh-CN", at=now)
    add_partner(session, terminal_member(tea.id, "tests"), joint, pots, at=now)
    for shop in (tea, pots):
        member = terminal_member(shop.id, "tests")
        fill_slot(session, member, joint, title="凤凰单丛", offer_slug="autumn", sku="TEA-1", files=files, at=now)
    for email in ("a@tea.example", "b@tea.example", "a@pots.example"):
        shop = find_shop(session, email.partition("@")[2].partition(".")[0])
        add_user(session, email, name=email, password="long enough a password", shop=shop, role=Role.MARKETER, at=now)
