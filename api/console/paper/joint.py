"""Joint flyers: the sheets this shop shares with others, each shop's slot, the proof and who approved it."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, Response
from sqlmodel import Session

from api.console.paper.shared import checks_of, devices, typed_fields
from api.console.shell import Here, go, show
from api.deps import CurrentSettings, Files, Now, Place, Reading, Writing, require
from api.downloads import picture
from campaigns.campaign.campaigns import Recipe
from campaigns.offers.links import check_paper_url
from campaigns.offers.offers import Offer, offers_of
from printables import print_room
from printables.drawing.pictures import cleaned
from printables.joint.approving import approve, draw_joint, standing
from printables.joint.matrix import scan_matrix
from printables.joint.partners import JointFlyer, joint_flyers_of, joint_for
from printables.joint.printing import order_joint_batch
from printables.joint.sheet import picture_of, proof_named, slots_of
from printables.joint.slots import LONGEST, add_partner, close_joint, fill_slot, open_joint
from printables.print_room import WaitingRun
from printables.proofs import FORMATS, keep_after
from retention.access import Scope
from retention.errors import Invalid, NotFound
from retention.i18n import LANGUAGES, current_locale, gettext_noop
from retention.products import Product, newest_products
from retention.shops import find_shop

router = APIRouter(prefix="/shops/{slug}/joint", dependencies=[require(Scope.JOINT_APPROVE)])

DEFAULT_DEVICE = "office"
LANGUAGE_NAMES = {"zh-CN": "中文", "en": "English"}
MOST_PRODUCTS = 200


@router.get("")
def list_joint(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show the joint flyers this shop takes part in, and what each waits for."""
    joints = joint_flyers_of(session, place.member)
    stands = {joint.id: standing(session, joint, profile=DEFAULT_DEVICE) for joint in joints}
    slots = {joint.id: slots_of(session, joint) for joint in joints}
    return show(request, session, "paper/joint_flyers.html", joints=joints, stands=stands, slots=slots)


@router.get("/new")
def new_joint(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Ask for the theme."""
    return _new(request, session, place)


@router.post("")
def open_one(
    session: Writing,
    place: Here,
    now: Now,
    theme: Annotated[str, Form(max_length=200)],
    short: Annotated[str, Form(max_length=64)],
    language: Annotated[str, Form()],
) -> Response:
    """Open a joint flyer; this shop takes its first slot."""
    if not theme.strip():
        raise Invalid(gettext_noop("Enter the theme of the flyer."))
    joint = open_joint(session, place.member, short.strip(), theme=theme.strip(), language=language, at=now)
    return go(_address(place, joint))


@router.get("/{number:int}")
def show_joint(request: Request, session: Reading, place: Here, number: int, profile: str = "") -> HTMLResponse:
    """Show one joint flyer: slots, proof, approvals, what it brought."""
    return _page(request, session, place, joint_for(session, place.member, number), profile=profile)


@router.post("/{number:int}/partners")
def take_in(session: Writing, place: Here, now: Now, number: int, partner: Annotated[str, Form()]) -> Response:
    """Take another shop of this installation in."""
    joint = joint_for(session, place.member, number)
    add_partner(session, place.member, joint, find_shop(session, partner.strip().lower()), at=now)
    return go(_address(place, joint), done="joined")


@router.post("/{number:int}/slot")
def fill(
    session: Writing,
    place: Here,
    now: Now,
    files: Files,
    number: int,
    typed: Annotated[dict[str, str], Depends(typed_fields)],
    image: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Fill this shop's own slot."""
    joint = joint_for(session, place.member, number)
    typed = dict.fromkeys(("title", "words", "accent", "offer", "sku"), "") | typed
    fill_slot(
        session,
        place.member,
        joint,
        title=typed["title"],
        words=typed["words"].replace("\r\n", "\n"),
        accent=typed["accent"],
        offer_slug=typed["offer"],
        sku=typed["sku"],
        picture=image.file.read() if image and image.size else None,
        files=files,
        at=now,
    )
    return go(_address(place, joint), done="filled")


@router.post("/{number:int}/proofs")
def prove(
    session: Reading,
    place: Here,
    now: Now,
    files: Files,
    settings: CurrentSettings,
    number: int,
    profile: Annotated[str, Form()] = DEFAULT_DEVICE,
) -> Response:
    """Make the proof of what the slots say now."""
    joint, url = joint_for(session, place.member, number), settings.public_url
    drawn = draw_joint(session, place.member, joint, profile=profile, public_url=url, files=files, demo=settings.demo)
    keep_after(session, joint.flyer_id, drawn, at=now, by=place.member.actor)
    return go(_address(place, joint), done="proved", profile=profile)


@router.post("/{number:int}/approve")
def say_yes(
    session: Writing,
    place: Here,
    now: Now,
    number: int,
    sha256: Annotated[str, Form(max_length=64)],
    profile: Annotated[str, Form()] = DEFAULT_DEVICE,
) -> Response:
    """Approve, for this shop, exactly the bytes that were looked at."""
    joint = joint_for(session, place.member, number)
    approve(session, place.member, joint, sha256, at=now)
    return go(_address(place, joint), done="approved", profile=profile)


@router.post("/{number:int}/batches", dependencies=[require(Scope.BATCHES_WRITE)])
def make_batch(
    session: Writing,
    place: Here,
    now: Now,
    settings: CurrentSettings,
    number: int,
    run: Annotated[int, Form()],
    profile: Annotated[str, Form()] = DEFAULT_DEVICE,
) -> Response:
    """Print the sheet for the parcels of one of this shop's runs."""
    joint = joint_for(session, place.member, number)
    check_paper_url(settings.public_url, demo=settings.demo)
    chosen = next((each.run for each in _runs(session, place) if each.run.id == run), None)
    if chosen is None:
        raise NotFound(gettext_noop("No insert of that run is waiting to be printed."))
    batch = order_joint_batch(session, joint, chosen, profile=profile, at=now, by=place.member.actor)
    return go(f"/shops/{place.shop.slug}/print-room/{batch.number}")


@router.post("/{number:int}/close")
def close(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Say that nothing more is printed of it."""
    joint = joint_for(session, place.member, number)
    close_joint(session, place.member, joint, at=now)
    return go(_address(place, joint), done="saved")


@router.get("/{number:int}/proofs/{sha256}.png")
def show_proof(session: Reading, place: Here, files: Files, number: int, sha256: str, width: int = 640) -> Response:
    """Send a picture of a proof to a partner."""
    return picture(files, proof_named(session, joint_for(session, place.member, number), sha256).sha256, width=width)


@router.get("/{number:int}/proofs/{sha256}.pdf")
def download_proof(session: Reading, place: Here, files: Files, number: int, sha256: str) -> FileResponse:
    """Send a partner the exact bytes of a proof."""
    joint = joint_for(session, place.member, number)
    path = files.path(proof_named(session, joint, sha256).sha256)
    return FileResponse(path, filename=f"{joint.slug}-{sha256[:8]}.pdf", media_type="application/pdf")


@router.get("/{number:int}/pictures/{slot}.jpg")
def show_picture(session: Reading, place: Here, files: Files, number: int, slot: str) -> Response:
    """Send the picture of a slot to a partner, small."""
    name = picture_of(session, joint_for(session, place.member, number), slot)
    return Response(cleaned(files.get(name), 360), media_type="image/jpeg")


def _page(
    request: Request,
    session: Session,
    place: Place,
    joint: JointFlyer,
    *,
    profile: str = "",
) -> HTMLResponse:
    device = profile if profile in FORMATS else DEFAULT_DEVICE
    stands = standing(session, joint, profile=device)
    slots = slots_of(session, joint)
    mine = next(slot for slot in slots if slot.shop.id == place.shop.id)
    cells = {(cell.host, cell.owner): cell for cell in scan_matrix(session, joint, member=place.member)}
    return show(
        request,
        session,
        "paper/joint_flyer.html",
        joint=joint,
        stands=stands,
        slots=slots,
        mine=mine,
        typed=_typed_fields(mine.partner.content, mine.offer, mine.product),
        longest=LONGEST,
        offers=_offers(session, place),
        products=_products(session, place),
        checks=checks_of(stands.proof.checks) if stands.proof else [],
        device=device,
        devices=devices(),
        runs=_runs(session, place) if stands.may_print and not joint.closed_at else [],
        cells=cells,
        brought=any(cell.copies != 0 for cell in cells.values()),
        locale=current_locale(),
    )


def _new(request: Request, session: Session, place: Place) -> HTMLResponse:
    return show(
        request,
        session,
        "paper/joint_new.html",
        language_chosen=place.shop.language,
        languages=[(tag, LANGUAGE_NAMES[tag]) for tag in LANGUAGES],
    )


def _typed_fields(content: dict[str, str], offer: Offer | None, product: Product | None) -> dict[str, str]:
    """Return a slot as its form shows it."""
    return {
        "title": content.get("title", ""),
        "words": content.get("words", ""),
        "accent": content.get("accent", ""),
        "offer": offer.slug if offer else "",
        "sku": product.sku if product else "",
    }


def _offers(session: Session, place: Place) -> list[tuple[str, str]]:
    locale, currency = current_locale(), place.shop.currency
    return [
        (offer.slug, f"{offer.name} · {offer.headline(currency, locale)}")
        for offer in offers_of(session, place.shop.id)
    ]


def _products(session: Session, place: Place) -> list[tuple[str, str]]:
    newest = newest_products(session, place.shop.id, most=MOST_PRODUCTS)
    return [(product.sku, product.title) for product in newest]


def _runs(session: Session, place: Place) -> list[WaitingRun]:
    """Return this shop's runs that wait for a joint flyer."""
    waiting = print_room.runs_waiting(session, place.member)
    return [line for line in waiting if line.campaign.recipe is Recipe.JOINT_FLYER]


def _address(place: Place, joint: JointFlyer) -> str:
    return f"/shops/{place.shop.slug}/joint/{joint.id}"
