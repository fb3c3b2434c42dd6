"""Pictures from outside, as they come: cut off, huge, turned, moving, damaged."""

import io
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from campaigns.channels import bot_platforms
from printables.drawing import pictures, profiles, render
from retention.errors import Invalid
from retention.ingest.products import reencode
from retention.pictures import read_picture

RED, BLUE = (200, 30, 30), (30, 30, 200)


def drawn(kind: str, size: tuple[int, int] = (300, 200), **options: object) -> bytes:
    """Return a noisy picture, so that its bytes are worth cutting, red above and blue below."""
    noise = np.random.default_rng(1).integers(0, 60, (size[1], size[0], 3), dtype=np.uint8)
    noise[: size[1] // 2, :, 0] += 150
    noise[size[1] // 2 :, :, 2] += 150
    out = io.BytesIO()
    Image.fromarray(noise).convert("CMYK" if kind == "CMYK" else "RGB").save(
        out, "JPEG" if kind == "CMYK" else kind, **options
    )
    return out.getvalue()


READERS = {
    "a flyer": lambda data: pictures.prepare(data, 20, 20, profile=profiles.PRINT_SHOP),
    "an upload": pictures.cleaned,
    "a list of products": reencode,
    "a page": read_picture,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("CMYK", {}), ("PNG", {}), ("WEBP", {})]
)
def test_a_picture_that_is_cut_off_is_refused_also_after_weasyprint_changed_pillow(
    reader: object, kind: str, options: dict[str, bool]
) -> None:
    render._engine()
    ImageFile.LOAD_TRUNCATED_IMAGES = True  # as its import leaves it, in this process or in a thread beside
    whole = drawn(kind, **options)
    assert reader(whole)  # type: ignore[operator]
    for share in (0.5, 0.9):
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        with pytest.raises(Invalid, match=r"incomplete|picture cannot be read"):
            reader(whole[: int(len(whole) * share)])  # type: ignore[operator]


def test_importing_weasyprint_in_one_thread_opens_no_gap_in_another() -> None:
    script = """
import sys, threading
from printables.drawing import render
from retention.errors import Invalid
from retention.pictures import read_picture
cut = sys.stdin.buffer.read()
stop, taken, refused = threading.Event(), [], []
def read():
    while not stop.is_set():
        try:
            taken.append(read_picture(cut))
        except Invalid:
            refused.append(1)
readers = [threading.Thread(target=read) for _ in range(2)]
[each.start() for each in readers]
render._engine()
stop.set()
[each.join() for each in readers]
print(len(taken), bool(refused))
"""
    whole = drawn("JPEG")
    ran = subprocess.run([sys.executable, "-c", script], input=whole[:-500], capture_output=True, check=True)
    assert ran.stdout.split() == [b"0", b"True"]


def _png_of(width: int, height: int) -> bytes:
    """Return a PNG that only says how large it is."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize("size", [(10_000, 6_001), (60_000_001, 1), (14_000, 14_000), (2**31 - 1, 2**31 - 1)])
def test_more_pixels_than_are_read_are_refused_before_one_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(Invalid, match="too large: at most 60 million pixels and 60 MB"):
        read_picture(_png_of(*size))


def test_59_megapixels_stay_below_a_gigabyte() -> None:
    script = """
import io, resource
import numpy as np
from PIL import Image
from printables.drawing import pictures, profiles
rows = np.tile(np.arange(8880, dtype=np.uint8), (6640, 1))
out = io.BytesIO()
Image.fromarray(rows).save(out, "JPEG", quality=40)
del rows
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pictures.prepare(out.getvalue(), 105, 64, profile=profiles.PRINT_SHOP)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert int(ran.stdout) < 300


@pytest.mark.parametrize("noted", range(1, 9))
def test_a_picture_is_turned_as_its_camera_noted(noted: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = noted
    upright = read_picture(drawn("JPEG", exif=exif), covering=(40, 30))
    top = np.asarray(upright)[: upright.height // 3].mean(axis=(0, 1))
    left = np.asarray(upright)[:, : upright.width // 3].mean(axis=(0, 1))
    assert (upright.width > upright.height) == (noted < 5)
    assert bool(top[0] > top[2]) is (noted in (1, 2)) or noted >= 5
    assert bool(left[0] > left[2]) is (noted in (5, 8)) or noted < 5
    assert upright.width >= 40
    assert upright.height >= 30


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("JPEG", {"exif": b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 200}),
        ("JPEG", {"icc_profile": b"\0" * 1_000_000}),
        ("PNG", {"icc_profile": b"\0" * 900_000}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 300}),
    ],
)
def test_what_else_a_file_carries_neither_hinders_nor_stays(kind: str, extra: dict[str, bytes]) -> None:
    found = read_picture(drawn(kind, **extra), within=100)
    assert (found.size, found.mode, found.info) == ((100, 67), "RGB", {})


def test_of_a_moving_picture_the_first_is_read() -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in (RED, *[BLUE] * 50)]
    for kind in ("WEBP", "PNG", "GIF"):
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        found = read_picture(out.getvalue(), formats=("WEBP", "PNG", "GIF"))
        assert np.abs(np.asarray(found.convert("RGB")).mean(axis=(0, 1)) - RED).max() < 20


def test_two_threads_read_one_after_the_other_and_both_rightly() -> None:
    found: list[tuple[int, int]] = []
    data = drawn("JPEG", (2000, 1500))
    readers = [threading.Thread(target=lambda: found.append(read_picture(data, within=500).size)) for _ in range(4)]
    for each in readers:
        each.start()
    for each in readers:
        each.join()
    assert found == [(500, 375)] * 4


def test_a_bots_picture_is_made_small_enough() -> None:
    large = drawn("PNG", (1600, 1200))
    assert len(large) > 2 * 1024 * 1024 > len(bot_platforms._small(large))
