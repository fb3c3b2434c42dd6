"""Paper and people who are erased: no stored PDF keeps the name by which they were greeted."""

from collections.abc import Callable

import pypdfium2
import pytest
from sqlmodel import col, select

from printables.batches import Batch, BatchState, PieceState
from printables.make_batch import render_batch
from printables.piece_ledger import PrintResult, mark_printed
from retention.access import Role
from retention.buyers import Buyer
from retention.database import transaction
from retention.files import FileStore
from retention.privacy.requests import erase_buyer
from tests.printables.conftest import NOON, URL, Bench

Erase = Callable[[str], None]


def words(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return "".join(page.get_textpage().get_text_range() for page in document)


def erase(bench: Bench, external_id: str) -> None:
    owner = bench.person(1, Role.OWNER)
    with transaction(bench.engine) as session:
        erase_buyer(session, owner, external_id, files=bench.files, at=NOON)


def named(bench: Bench, count: int) -> list[str]:
    """Give each buyer a name of their own, and return their ids."""
    bench.parcels(count)
    with transaction(bench.engine) as session:
        buyers = session.exec(select(Buyer).order_by(col(Buyer.id))).all()
        for buyer, name in zip(buyers, ("Adalbertina", "Berta", "Carla"), strict=False):
            buyer.name = name
            session.add(buyer)
        return [buyer.external_id for buyer in buyers]


def pdfs(bench: Bench) -> list[str]:
    found = (path.read_bytes() for path in bench.files.folder.rglob("*") if path.is_file())
    return [words(content) for content in found if content.startswith(b"%PDF")]


def test_printed_files_go_with_a_buyer_and_are_drawn_again_without_the_name(bench: Bench) -> None:
    first, second, _third = named(bench, 3)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer, "label-300")
    batch = bench.print(flyer, run, "label-300")
    assert sum("Adalbertina" in text for text in pdfs(bench)) == 2  # the batch, and the proof as the longest name

    erase(bench, first)
    assert pdfs(bench) == []
    (left,) = bench.rows(Batch)
    assert (left.state, left.files) == (BatchState.RENDERED, [])
    assert {piece.state for piece in bench.pieces(batch)} == {PieceState.RENDERED}  # the bench goes on meanwhile

    again = render_batch(bench.engine, batch.id, files=bench.files, public_url=URL)
    (text,) = pdfs(bench)
    assert ("Adalbertina" in text, "Berta" in text, "Carla" in text) == (False, True, True)
    assert (again.state, len(again.files), again.sheets) == (BatchState.RENDERED, 1, 3)

    with transaction(bench.engine) as session:
        mark_printed(session, bench.person(7, Role.WAREHOUSE), batch.number, PrintResult.GOOD, at=NOON)
    erase(bench, second)
    assert pdfs(bench) == []
    printed = render_batch(bench.engine, batch.id, files=bench.files, public_url=URL)
    assert (printed.state, printed.files) == (BatchState.PRINTED, [])  # it is on paper: nothing draws it again


@pytest.mark.parametrize("times", [1, 2])
def test_a_batch_that_is_drawn_while_a_buyer_is_erased_comes_without_the_name(bench: Bench, times: int) -> None:
    ids = named(bench, 3)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer, "label-300")

    class Store(FileStore):
        """Somebody is erased each time a file has been drawn."""

        def put(self, content: bytes) -> str:
            if ids and len(ids) > 3 - times:
                erase(bench, ids.pop(0))
            return super().put(content)

    bench.files = Store(bench.files.folder)
    batch = bench.print(flyer, run, "label-300")
    (text,) = pdfs(bench)
    assert batch.state is BatchState.RENDERED
    assert [name in text for name in ("Adalbertina", "Berta", "Carla")] == [False, times < 2, True]
