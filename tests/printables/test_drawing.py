"""A proof is drawn while others write, and kept after that."""

from printables.flyers import Flyer, copy_of
from printables.proofs import Proof, draw_proof, keep_after, keep_proof
from retention.database import reading, transaction
from retention.shops import Shop
from tests.printables.conftest import NOON, URL, Bench


def test_drawing_holds_nobody_up_and_the_proof_is_kept_when_the_reading_is_over(bench: Bench) -> None:
    bench.parcels(1)
    flyer = bench.flyer(bench.launched())
    with reading(bench.engine) as session:
        copy = copy_of(session, bench.shop, session.get_one(Flyer, flyer.id))
        values = {"profile": "label-203", "public_url": URL, "files": bench.files}
        drawn = draw_proof(session, bench.shop, copy, **values)
        keep_after(session, flyer.id, drawn, at=NOON, by="user:1")
        with transaction(bench.engine) as other:  # on SQLite there is one writer, and it is not us
            other.get_one(Shop, bench.shop.id).name = "Renamed meanwhile"
        assert bench.rows(Proof) == []
    (proof,) = bench.rows(Proof)
    assert (proof.sha256, proof.passed, proof.made_by) == (drawn.sha256, True, "user:1")
    assert bench.files.get(proof.sha256).startswith(b"%PDF")


def test_what_was_drawn_twice_is_one_proof(bench: Bench) -> None:
    bench.parcels(1)
    flyer = bench.flyer(bench.launched())
    with reading(bench.engine) as session:
        copy = copy_of(session, bench.shop, session.get_one(Flyer, flyer.id))
        values = {"profile": "label-203", "public_url": URL, "files": bench.files}
        drawn = [draw_proof(session, bench.shop, copy, **values) for _ in range(2)]
    assert drawn[0] == drawn[1]
    for each, by in zip(drawn, ("user:1", "user:2"), strict=True):
        with transaction(bench.engine) as session:
            keep_proof(session, flyer.id, each, at=NOON, by=by)
    assert [proof.made_by for proof in bench.rows(Proof)] == ["user:1"]
