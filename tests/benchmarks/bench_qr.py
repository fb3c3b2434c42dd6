"""10,000 QR symbols of 38 characters: the batch against `qrcode` one by one, in the same run.

The baseline is measured over 300 symbols and scaled; it takes 70 seconds otherwise. Target: 500 times.
"""
# ruff: noqa: T201 - a benchmark prints

import random
import sys
import time
from pathlib import Path

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

sys.path.insert(0, str(Path(__file__).parents[2]))

from printables.drawing import qr

COUNT, MEASURED = 10_000, 300


def addresses(count: int) -> list[str]:
    draw = random.Random(1)
    return ["HTTPS://R.EXAMPLE.CN/Q/" + "".join(draw.choices(qr.ALPHABET[:36], k=15)) for _ in range(count)]


def one_by_one(texts: list[str], mask: int | None) -> float:
    """Return the seconds `qrcode` takes for `COUNT` symbols."""
    started = time.perf_counter()
    for text in texts[:MEASURED]:
        symbol = QRCode(version=2, error_correction=ERROR_CORRECT_M, mask_pattern=mask, border=0)
        symbol.add_data(text)
        symbol.make(fit=False)
    return (time.perf_counter() - started) * COUNT / MEASURED


def together(texts: list[str]) -> float:
    started = time.perf_counter()
    qr.matrices(texts)
    return time.perf_counter() - started


def main() -> None:
    texts = addresses(COUNT)
    first = together(texts)
    batch = min(together(texts) for _ in range(3))
    default, fixed = one_by_one(texts, None), one_by_one(texts, 3)
    started = time.perf_counter()
    qr.check(qr.matrices(texts), texts)
    checked = time.perf_counter() - started
    print(f"10,000 QR symbols: {batch * 1000:.0f} ms; {first * 1000:.0f} ms the first time, with the basis")
    print(
        f"  qrcode as it comes   {default:6.1f} s (scaled from {MEASURED})  ratio {default / batch:6.0f} x, target 500"
    )
    print(f"  qrcode, fixed mask   {fixed:6.1f} s (scaled from {MEASURED})  ratio {fixed / batch:6.0f} x")
    print(f"  made and each decoded back {checked:.2f} s, ratio {default / checked:.0f} x")


if __name__ == "__main__":
    main()
