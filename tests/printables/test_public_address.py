"""What is printed leads somewhere: an address no phone reaches is refused, and the demonstration says what it is."""

import io
from dataclasses import replace

import numpy as np
import pypdfium2
import pytest

from campaigns.offers.links import check_paper_url
from printables import make_batch, piece_ledger
from printables.batches import Batch, BatchState
from printables.drawing import stamp, verify
from printables.drawing.profiles import PROFILES
from printables.flyers import copy_of
from printables.proofs import FORMATS, Proof, draw_proof
from retention.database import reading
from retention.errors import Conflict
from tests.printables import engines, samples
from tests.printables.conftest import NOON, Bench

PRIVATE = (
    "http://127.0.0.1:8000",
    "http://localhost:8000",
    "http://[::1]",
    "https://192.168.1.20",
    "https://10.0.0.7/shop",
    "https://172.16.3.4",
    "https://169.254.1.1",
    "https://100.64.0.1",
    "https://[fd00::1]",
    "http://0.0.0.0:8000",
    "https://regulars",
    "https://tea.local",
    "https://tea.lan",
    "https://127.1",
    "https://2130706433",
    "",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_paper_carries_an_address_that_no_phone_reaches(address: str) -> None:
    with pytest.raises(
        Conflict, match="Set REGULARS_PUBLIC_URL to the public address of this installation, such as https"
    ):
        check_paper_url(address, demo=False)
    check_paper_url(address, demo=True)


@pytest.mark.parametrize("address", ["https://r.example.cn", "http://shop.com/r", "https://8.8.8.8", "https://r.茶.cn"])
def test_a_public_address_is_printed(address: str) -> None:
    check_paper_url(address, demo=False)


def test_proof_batch_and_reprint_refuse_it_and_leave_nothing_behind(bench: Bench) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    home = {"files": bench.files, "public_url": PRIVATE[0]}
    with reading(bench.engine) as session:
        copy = copy_of(session, bench.shop, flyer)
        with pytest.raises(Conflict, match=r"Buyers cannot reach http://127\.0\.0\.1:8000"):
            draw_proof(session, bench.shop, copy, profile="office", **home)
    bench.prove(flyer)
    with pytest.raises(Conflict, match="REGULARS_PUBLIC_URL"):
        make_batch.make_batch(bench.engine, flyer.id, run.id, profile="office", at=NOON, by="user:1", **home)
    assert bench.rows(Batch) == []

    batch = bench.print(flyer, run)
    piece = bench.pieces(batch)[0]
    with pytest.raises(Conflict, match="REGULARS_PUBLIC_URL"):
        piece_ledger.reprint(bench.engine, bench.packer, piece.code, at=NOON, **home)
    assert [each.state for each in bench.rows(Batch)] == [BatchState.RENDERED]
    assert len(bench.rows(Proof)) == 1


@pytest.mark.parametrize("design", ["flyer", "joint"])
@pytest.mark.parametrize("device", FORMATS)
def test_the_demonstration_says_demo_across_every_piece_and_its_codes_still_read(device: str, design: str) -> None:
    layer = samples.layer(design, paper=FORMATS[device], profile=PROFILES[device])
    piece = {"flyer": samples.flyer, "joint": samples.joint}[design]()
    plain, demo = (stamp.preview(replace(layer, demo=said), piece, profile=PROFILES[device]) for said in (False, True))
    with pypdfium2.PdfDocument(io.BytesIO(demo)) as document:
        assert "DEMO" in document[0].get_textpage().get_text_range()
    before, after = (np.asarray(engines.by_pdfium(pdf)[0], dtype=int) for pdf in (plain, demo))
    thirds = np.array_split(np.abs(after - before) > 40, 3, axis=0)
    assert all(part.any(axis=0).mean() > 0.2 for part in thirds)  # it runs from top to bottom
    assert [code.text for code in verify.decode(demo)] == [code.text for code in verify.decode(plain)]
