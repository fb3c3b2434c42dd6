"""Flyers: the list, one flyer's words with the space left for them, and its proofs for each device."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, Response
from sqlmodel import Session

from api.console.paper.shared import checks_of, device_name, devices, prove_for, typed_fields
from api.console.shell import Here, go, show
from api.deps import CurrentSettings, Files, Now, Place, Reading, Writing, require
from api.downloads import picture
from campaigns.runs.drafting import campaign_for
from campaigns.runs.finding import campaign_numbered, flyer_campaigns
from printables.drawing.designs import DESIGNS
from printables.drawing.pictures import cleaned
from printables.flyer_list import flyers_for, flyers_of, proof_for, proofs_by_device
from printables.flyers import Flyer, change_flyer, copy_of, create_flyer, flyer_for
from printables.proofs import FORMATS
from retention.access import Scope
from retention.i18n import LANGUAGES, gettext_noop
from retention.i18n import gettext as _

router = APIRouter(prefix="/shops/{slug}/flyers", dependencies=[require(Scope.BATCHES_READ)])
for_marketers = [require(Scope.CAMPAIGNS_WRITE)]


@dataclass(frozen=True)
class FlyerLine:
    """A line of the design as the form asks for it. `room` is how many characters read well; the proof decides."""

    name: str
    label: str
    room: int
    long: bool = False


LINES = (
    FlyerLine("headline", gettext_noop("Headline"), room=40),
    FlyerLine("promise", gettext_noop("Promise"), room=60, long=True),
    FlyerLine("amount", gettext_noop("Big number"), room=10),
    FlyerLine("condition", gettext_noop("Text beside the big number"), room=20),
    FlyerLine("product", gettext_noop("Product"), room=28),
    FlyerLine("price", gettext_noop("Price"), room=12),
    FlyerLine("instruction", gettext_noop("Instruction under the QR code"), room=20),
    FlyerLine("fine_print", gettext_noop("Fine print"), room=90, long=True),
    FlyerLine("shop", gettext_noop("Shop"), room=24),
)
LANGUAGE_NAMES = {"zh-CN": "中文", "en": "English"}


@dataclass(frozen=True)
class NewFlyer:
    """The form of a new flyer as typed."""

    campaign: str = ""
    name: str = ""
    language: str = ""


@router.get("")
def list_flyers(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show every flyer with its newest proof."""
    lines = flyers_of(session, place.member)
    shown = {
        line.flyer.id
        for line in lines
        if line.proof and line.proof.digest == copy_of(session, place.shop, line.flyer).digest()
    }
    return show(request, session, "paper/flyers.html", lines=lines, as_proved=shown, device_name=device_name)


@router.get("/new", dependencies=for_marketers)
def new_flyer(request: Request, session: Reading, place: Here, campaign: str = "") -> HTMLResponse:
    """Ask which campaign it is for."""
    return _form(request, session, place, NewFlyer(campaign, language=place.shop.language))


@router.post("", dependencies=for_marketers)
def add_flyer(
    session: Writing,
    place: Here,
    now: Now,
    campaign: Annotated[str, Form()],
    name: Annotated[str, Form(max_length=200)] = "",
    language: Annotated[str, Form()] = "zh-CN",
) -> Response:
    """Make a flyer whose words come from the campaign until somebody writes others."""
    row = campaign_for(session, place.member, campaign)
    number = len(flyers_for(session, place.member, row.id)) + 1
    flyer = create_flyer(
        session,
        place.shop,
        row,
        slug=f"{row.slug[:58]}-{number}",
        name=name.strip() or row.name,
        at=now,
        by=place.member.actor,
        language=language,
    )
    return go(f"{_home(place)}/{flyer.slug}")


@router.get("/{flyer}")
def show_flyer(request: Request, session: Reading, place: Here, flyer: str, profile: str = "") -> HTMLResponse:
    """Show the words of a flyer and its proof for a device."""
    return _page(request, session, place, flyer_for(session, place.member, flyer), profile=profile)


@router.post("/{flyer}", dependencies=for_marketers)
def write(
    session: Writing,
    place: Here,
    now: Now,
    files: Files,
    flyer: str,
    typed: Annotated[dict[str, str], Depends(typed_fields)],
    image: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Put other words or another picture on a flyer; its proofs stop counting by themselves."""
    row = flyer_for(session, place.member, flyer)
    content = _content(row, typed)
    name = files.put(cleaned(image.file.read())) if image and image.size else None
    change_flyer(session, row, content, at=now, by=place.member.actor, picture=name)
    return go(f"{_home(place)}/{flyer}", done="saved")


@router.post("/{flyer}/proofs", dependencies=[require(Scope.BATCHES_WRITE)])
def prove(
    session: Reading,
    place: Here,
    now: Now,
    files: Files,
    settings: CurrentSettings,
    flyer: str,
    profile: Annotated[str, Form()],
) -> Response:
    """Lay the flyer out as it will print, check it, and show it."""
    row = flyer_for(session, place.member, flyer)
    prove_for(session, place, row, profile=profile, files=files, settings=settings, at=now)
    return go(f"{_home(place)}/{flyer}?profile={profile}")


@router.get("/{flyer}/proofs/{proof_id:int}.png")
def show_proof(session: Reading, place: Here, files: Files, proof_id: int, width: int = 640) -> Response:
    """Send a picture of a proof."""
    return picture(files, proof_for(session, place.member, proof_id).sha256, width=width)


@router.get("/{flyer}/proofs/{proof_id:int}.pdf")
def download_proof(session: Reading, place: Here, files: Files, flyer: str, proof_id: int) -> FileResponse:
    """Send the exact bytes of a proof."""
    path = files.path(proof_for(session, place.member, proof_id).sha256)
    return FileResponse(path, filename=f"{flyer}-{proof_id}.pdf", media_type="application/pdf")


def _page(
    request: Request,
    session: Session,
    place: Place,
    flyer: Flyer,
    *,
    profile: str,
) -> HTMLResponse:
    copy = copy_of(session, place.shop, flyer)
    proofs = proofs_by_device(session, flyer, copy)
    device = profile if profile in FORMATS else next((name for name in proofs if proofs[name]), "office")
    proof = proofs[device]
    campaign = campaign_numbered(session, place.shop.id, flyer.campaign_id)
    return show(
        request,
        session,
        "paper/flyer.html",
        flyer=flyer,
        campaign=campaign,
        inherited=copy.fields,
        content=flyer.content,
        lines=_lines(flyer),
        proofs=proofs,
        proof=proof,
        checks=checks_of(proof.checks) if proof else [],
        device=device,
        devices=devices(),
        has_picture=bool(copy.pictures),
        language_names=LANGUAGE_NAMES,
    )


def _form(request: Request, session: Session, place: Place, typed: NewFlyer) -> HTMLResponse:
    return show(
        request,
        session,
        "paper/flyer_new.html",
        typed=typed,
        campaigns=[(each.slug, each.name) for each in flyer_campaigns(session, place.shop.id)],
        languages=[(tag, LANGUAGE_NAMES[tag]) for tag in LANGUAGES],
    )


def _lines(flyer: Flyer) -> list[FlyerLine]:
    fields = _fields(flyer)
    return [FlyerLine(line.name, _(line.label), line.room, line.long) for line in LINES if line.name in fields]


def _fields(flyer: Flyer) -> frozenset[str]:
    """Return the fields of its design; none for a design that this release no longer has."""
    return DESIGNS[flyer.design].fields if flyer.design in DESIGNS else frozenset()


def _content(flyer: Flyer, typed: dict[str, str]) -> dict[str, str]:
    """Return what was typed into the design's own fields; an empty one says what the campaign says."""
    known = _fields(flyer)
    return {name: text.strip().replace("\r\n", "\n") for name, text in typed.items() if name in known and text.strip()}


def _home(place: Place) -> str:
    return f"/shops/{place.shop.slug}/flyers"
