"""Shared code of the print pages: names of devices, making of proofs, and confirmations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlmodel import Session

from api.console import shell
from api.deps import Place
from api.forms import read_texts
from printables.drawing import sheets
from printables.drawing.preflight import sentence_of
from printables.flyers import Flyer, copy_of
from printables.proofs import draw_proof, keep_after
from retention.files import FileStore
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.settings import Settings
from retention.tokens import CODE_LENGTH, spaced

DEVICES = {
    "office": (gettext_noop("Office printer"), gettext_noop("A4, 4-up A6, cut and stacked")),
    "label-203": (gettext_noop("Label printer, 203 dpi"), gettext_noop("100 × 150 mm, one per label")),
    "label-300": (gettext_noop("Label printer, 300 dpi"), gettext_noop("100 × 150 mm, one per label")),
    "print-shop": (gettext_noop("Print shop"), gettext_noop("A6 in CMYK with 3 mm bleed")),
}

shell.add_done(
    {
        "again": gettext_noop("Print the file again; the batch waits for it."),
        "later": gettext_noop("The batch stays here until it is printed."),
        "unused": gettext_noop("Marked as good and returned to stock."),
        "reprinted": gettext_noop("The old insert is marked as spoiled. This is its reprint, with the same code."),
        "counted": gettext_noop("Batch closed. Remaining inserts are marked as unused."),
        "joined": gettext_noop("The partner shop was added. The joint flyer now appears in its list."),
        "filled": gettext_noop("Your slot is saved. Earlier proofs and approvals are void."),
    }
)


@dataclass(frozen=True)
class Device:
    """A printing device as people choose it."""

    profile: str
    name: str
    about: str


@dataclass(frozen=True)
class Checked:
    """One check of a proof in the language being spoken."""

    ok: bool
    words: str


def devices() -> list[Device]:
    """Return every device in the language being spoken."""
    return [Device(profile, _(name), _(about)) for profile, (name, about) in DEVICES.items()]


def device_name(profile: str) -> str:
    """Return a device's name in the language being spoken."""
    return _(DEVICES[profile][0]) if profile in DEVICES else profile


def checks_of(checks: Sequence[dict[str, Any]]) -> list[Checked]:
    """Return the checks of a proof, those that failed first."""
    shown = [Checked(check["ok"], sentence_of(check)) for check in checks]
    return sorted(shown, key=lambda check: check.ok)


def prove_for(
    session: Session, place: Place, flyer: Flyer, *, profile: str, files: FileStore, settings: Settings, at: datetime
) -> None:
    """Draw the proof of a flyer as it stands with a session that only reads, and have it kept after that."""
    copy, url = copy_of(session, place.shop, flyer), settings.public_url
    drawn = draw_proof(session, place.shop, copy, profile=profile, public_url=url, files=files, demo=settings.demo)
    keep_after(session, flyer.id, drawn, at=at, by=place.member.actor)


def cutting_words(sheet_count: int) -> str:
    """Return how sheets are cut and stacked so that the pieces come in picking order; as the file lays them."""
    piles = sheets.stacks(sheet_count)
    if len(piles) < 2:
        return _("Cut the stack, then collate from the top: upper left, upper right, lower left, lower right.")
    return _(
        "Cut in stacks of {most} sheets as they come from the printer, the last of {last}."
        " Collate each from the top: upper left, upper right, lower left, lower right;"
        " then put the {count} stacks together, the first on top."
    ).format(most=piles[0], last=piles[-1], count=len(piles))


def show_code(code: str) -> str:
    """Return a code as it is printed: a coupon's in groups, a link's token in one piece."""
    return spaced(code) if len(code) == CODE_LENGTH else code


async def typed_fields(request: Request) -> dict[str, str]:
    """Return the text fields of a form whose fields the design names; files are read apart."""
    return {name: str(value) for name, value in (await read_texts(request)).items()}
