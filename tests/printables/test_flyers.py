from typing import Any

import pytest

from printables.drawing import verify
from printables.flyers import Flyer, change_flyer, copy_of, create_flyer, flyer_for
from printables.proofs import Proof, current_proof
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.errors import Conflict, Invalid, NotFound
from retention.products import Product
from tests.printables.conftest import NOON, Bench, open_shop


def test_a_flyer_says_what_its_campaign_offers_in_its_own_language(bench: Bench) -> None:
    run = bench.launched()
    flyer = bench.flyer(run, language="en", content={"headline": "for you"})

    with reading(bench.engine) as session:
        copy = copy_of(session, bench.shop, flyer)

    assert copy.fields == {
        "shop": "山茶小铺",
        "accent": "#b8440e",
        "headline": "for you",
        "promise": "Thank you for this order. Here is a gift for your next one.",
        "amount": "¥20",
        "condition": "from ¥99",
        "fine_print": "valid 14 days from claim · one per person · not with other coupons",
        "product": "凤凰单丛 秋茶 50 g",
        "price": "¥68",
    }
    assert copy.pictures == {"picture": bench.product.picture}
    assert copy.targets == {"qr": "tea / autumn / TEA-1"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"design": "poster"}, "'poster' is not a layout"),
        ({"language": "fr"}, "'fr' is not a supported language"),
        ({"content": {"body": "x"}}, "no field body"),
        ({"content": {"headline": "茶" * 201}}, "headline takes up to 200 characters"),
        ({"content": {"headline": "a\x00b"}}, "of plain text"),
        ({"content": {"accent": "red"}}, "'red' is not a colour"),
        ({"slug": "Tea Flyer"}, "Use lower-case letters, digits and hyphens"),
    ],
)
def test_a_flyer_that_cannot_be_is_refused_and_nothing_is_kept(
    bench: Bench, values: dict[str, Any], message: str
) -> None:
    run = bench.launched()

    with pytest.raises(Invalid, match=message):
        bench.flyer(run, **values)

    assert bench.rows(Flyer) == []


def test_a_slug_is_taken_once_per_shop(bench: Bench) -> None:
    run = bench.launched()
    bench.flyer(run)

    with pytest.raises(Conflict, match="already has a flyer called tea"):
        bench.flyer(run)
    assert len(bench.rows(Flyer)) == 1


def test_another_shops_flyer_and_campaign_are_unknown(bench: Bench) -> None:
    run = bench.launched()
    bench.flyer(run)
    other = open_shop(bench.engine, bench.files, "silk", name="Silk", title="Scarf")

    with pytest.raises(NotFound, match="No flyer is called tea"), reading(bench.engine) as session:
        flyer_for(session, other.packer, "tea")
    with pytest.raises(NotFound, match="No campaign is called spring"):
        other.flyer(run)


def test_a_change_is_in_the_log_with_both_wordings(bench: Bench) -> None:
    flyer = bench.flyer(bench.launched(), content={"headline": "before"})
    with transaction(bench.engine) as session:
        change_flyer(session, session.get_one(Flyer, flyer.id), {"headline": "after"}, at=NOON, by="user:2")

    entry = bench.rows(AuditEntry)[-1]
    assert (entry.actor, entry.action, entry.before, entry.after) == (
        "user:2",
        "flyer.change",
        {"headline": "before"},
        {"headline": "after"},
    )


@pytest.mark.parametrize("profile", ["office", "label-203", "label-300"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_proof_passes_its_checks_and_its_code_reads(bench: Bench, profile: str, language: str) -> None:
    bench.parcels(9)
    flyer = bench.flyer(bench.launched(), language=language)

    proof = bench.prove(flyer, profile)

    assert [check for check in proof.checks if not check["ok"]] == []
    assert proof.passed
    assert proof.targets == {"qr": "tea / autumn / TEA-1"}
    (code,) = verify.decode(bench.files.get(proof.sha256))
    assert code.text == "HTTPS://R.EXAMPLE.CN/Q/ZZZZZZZZZZZZ"


def test_proving_the_same_twice_is_one_proof_and_each_device_has_its_own(bench: Bench) -> None:
    flyer = bench.flyer(bench.launched())

    first, second, label = bench.prove(flyer), bench.prove(flyer, by="user:2"), bench.prove(flyer, "label-300")

    assert (first.id, first.sha256, first.made_by) == (second.id, second.sha256, "user:1")
    assert label.sha256 != first.sha256
    assert len(bench.rows(Proof)) == 2


def test_a_proof_stops_counting_when_the_price_changes(bench: Bench) -> None:
    flyer = bench.flyer(bench.launched())
    bench.prove(flyer)
    with transaction(bench.engine) as session:
        product = session.get_one(Product, bench.product.id)
        product.price = 7800
        session.add(product)

    with pytest.raises(Conflict, match="has changed since its proof"), reading(bench.engine) as session:
        current_proof(session, flyer, copy_of(session, bench.shop, flyer), profile="office")


def test_words_that_do_not_fit_fail_the_proof_and_it_says_so(bench: Bench) -> None:
    flyer = bench.flyer(bench.launched(), content={"promise": "慢慢喝，" * 50})

    proof = bench.prove(flyer)

    assert not proof.passed
    with pytest.raises(Conflict, match="failed preflight: Text does not fit"), reading(bench.engine) as session:
        current_proof(session, flyer, copy_of(session, bench.shop, flyer), profile="office")


def test_an_unknown_device_is_refused(bench: Bench) -> None:
    flyer = bench.flyer(bench.launched())

    with pytest.raises(Invalid, match="plotter is not a device: use one of office, label-203"):
        bench.prove(flyer, "plotter")
    assert bench.rows(Proof) == []


def test_a_flyer_of_its_own_picture_needs_no_product(bench: Bench) -> None:
    with transaction(bench.engine) as session:
        flyer = create_flyer(
            session,
            bench.shop,
            None,
            slug="plain",
            name="Plain",
            at=NOON,
            by="user:1",
            picture=bench.product.picture,
            content={"amount": "¥5", "condition": "全场"},
        )

    assert bench.prove(flyer).passed
