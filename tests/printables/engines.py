"""Finished pages as other engines draw them: Ghostscript, which CUPS prints through, beside PDFium."""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pypdfium2
import zxingcpp
from PIL import Image, ImageFilter

DPI = 127  # five dots a millimetre, so that no engine has to round the edge of a page
FAR = 32  # of 256 tones: more than two right engines differ by at the edge of a stroke


def by_ghostscript(pdf: bytes, pages: Sequence[int] = ()) -> list[Image.Image]:
    """Return pages (counted from 1; all without it) in grey as Ghostscript draws them."""
    program = shutil.which("gs")
    assert program, "the suite needs ghostscript"
    listed = [f"-sPageList={','.join(map(str, pages))}"] if pages else []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.pdf").write_bytes(pdf)
        quality = ["-sDEVICE=png16m", f"-r{DPI}", "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4"]
        files = [f"-sOutputFile={folder}/%05d.png", f"{folder}/in.pdf"]
        said = subprocess.run(
            [program, "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", *quality, *listed, *files],
            check=True,
            capture_output=True,
        )
        assert not said.stdout + said.stderr
        return [Image.open(path).convert("L") for path in sorted(Path(folder).glob("*.png"))]


def by_pdfium(pdf: bytes, pages: Sequence[int] = ()) -> list[Image.Image]:
    """Return the same pages as PDFium draws them."""
    with pypdfium2.PdfDocument(io.BytesIO(pdf)) as document:
        numbers = pages or range(1, len(document) + 1)
        return [document[number - 1].render(scale=DPI / 72).to_pil().convert("L") for number in numbers]


def apart(one: Image.Image, two: Image.Image) -> float:
    """Return the share of a page on which two engines put different ink.

    Both are blurred by 2 pixels; a pixel differs when its tone lies far outside those the other has within one pixel.
    """
    corner = (0, 0, min(one.width, two.width), min(one.height, two.height))
    soft = [picture.crop(corner).filter(ImageFilter.GaussianBlur(2)) for picture in (one, two)]
    far = np.maximum(_outside(soft[0], soft[1]), _outside(soft[1], soft[0])) > FAR
    return float(far.mean())


def _outside(picture: Image.Image, other: Image.Image) -> np.ndarray:
    tone = np.asarray(picture, dtype=int)
    least, most = (
        np.asarray(other.filter(kind(3)), dtype=int) for kind in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    return np.maximum(least - tone, tone - most)


def codes(picture: Image.Image) -> list[str]:
    """Return the texts of the QR codes on a page, in alphabetical order."""
    return sorted(code.text for code in zxingcpp.read_barcodes(np.asarray(picture)) if "QR" in str(code.format))
