"""Proofs: the exact PDF of a flyer with its checks, identified by its SHA-256. Only what was proofed is printed.

A proof counts as long as the flyer still says what it said when the proof was made; nothing has to void it.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from campaigns.offers.links import check_paper_url, paper_address
from printables.drawing import preflight, stamp
from printables.drawing.designs import DESIGNS, WORDS
from printables.drawing.profiles import PROFILES
from printables.drawing.render import StaticLayer, static_layer
from printables.flyers import Copy, Flyer
from retention import audit
from retention.buyers import Buyer
from retention.database import BigId, Json, ShopRow, write_after
from retention.errors import Conflict, Invalid
from retention.files import FileStore
from retention.i18n import gettext as _
from retention.i18n import speaking
from retention.privacy.personal import personal
from retention.salutations import salutation
from retention.shops import Shop
from retention.tokens import ALPHABET, CODE_LENGTH, TOKEN_LENGTH, spaced

_LONGEST_NAMES = 200  # looked at for one to greet by; what is longest is often no name
FORMATS = {"office": "a6", "label-203": "label", "label-300": "label", "print-shop": "a6"}
"""The format a design takes on each device: A6 four up on office paper, 100 x 150 mm on a label printer."""


class Proof(ShopRow, table=True):
    """The PDF `sha256` in the file store, made from the copy `digest` for a device profile.

    `content` is that copy, so that what was proved can be printed whatever the flyer says by then. `checks` is the list
    of {name, ok, message, template, values}. `named_buyer_id` is whose name stands on it, as the longest of the shop.
    """

    __tablename__ = "proofs"
    __table_args__ = (UniqueConstraint("shop_id", "flyer_id", "profile", "digest", "sha256"),)

    flyer_id: int = Field(foreign_key="flyers.id", sa_type=BigId)
    profile: str = Field(max_length=16)
    sha256: str = Field(max_length=64)
    digest: str = Field(max_length=64)
    checks: list[dict[str, Any]] = Field(sa_type=Json)
    content: dict[str, Any] = Field(sa_type=Json)
    passed: bool
    made_by: str = Field(max_length=64)
    made_at: datetime
    named_buyer_id: int | None = Field(default=None, sa_type=BigId)

    @property
    def copy_shown(self) -> Copy:
        """What stands on it."""
        return Copy(**self.content)

    @property
    def targets(self) -> dict[str, str]:
        """Where its QR codes lead, in words, by slot."""
        return dict(self.copy_shown.targets)


@dataclass(frozen=True)
class Drawn:
    """A flyer as it will print on a device, laid out and checked: the bytes are stored, no row is written yet."""

    copy: Copy
    profile: str
    sha256: str
    checks: list[preflight.PreflightCheck]
    named_buyer_id: int | None = None


def draw_proof(
    session: Session,
    shop: Shop,
    copy: Copy,
    *,
    profile: str,
    public_url: str,
    files: FileStore,
    name: str | None = None,
    demo: bool = False,
) -> Drawn:
    """Render a flyer as it will print, for its worst case, and check it; Invalid for copy that cannot be laid out.

    Conflict for a public address that no phone reaches, but for a `demo`, which says DEMO across all paper.

    The worst case carries the longest buyer name of the shop, or `name`, and full-length codes. It takes a second or
    two: give it a session that only reads.
    """
    check_paper_url(public_url, demo=demo)
    layer = layer_of(copy, profile, files, demo=demo)
    longest, whose = _longest_name(session, shop) if name is None else (name, None)
    piece = worst_piece(layer, copy, longest, public_url)
    pdf = stamp.preview(layer, piece, profile=PROFILES[profile])
    checks = preflight.preflight(layer, [piece], pdf, profile=PROFILES[profile])
    return Drawn(copy, profile, files.put(pdf), checks, whose)


def keep_proof(session: Session, flyer_id: int, drawn: Drawn, *, at: datetime, by: str) -> Proof:
    """Keep what was drawn as the proof of a flyer; drawn once more as it was, it is the first proof.

    A proof whose checks fail is kept too, and says why; only a passed one prints.
    """
    flyer = session.get_one(Flyer, flyer_id, with_for_update=True)  # of two at once the second finds the first's
    copy, profile, sha256 = drawn.copy, drawn.profile, drawn.sha256
    if (proof := counting_proof(session, flyer, copy, profile=profile, sha256=sha256)) is not None:
        return proof
    proof = Proof(
        shop_id=flyer.shop_id,
        flyer_id=flyer.id,
        profile=profile,
        sha256=sha256,
        digest=copy.digest(),
        content=asdict(copy),
        checks=[asdict(check) for check in drawn.checks],
        passed=all(check.ok for check in drawn.checks),
        made_by=by,
        made_at=at,
        named_buyer_id=drawn.named_buyer_id,
    )
    session.add(proof)
    session.flush()
    subject = f"flyer:{flyer.id}"
    audit.record(session, flyer.shop_id, by, action="proof.make", subject=subject, after={"sha256": sha256}, at=at)
    return proof


def keep_after(session: Session, flyer_id: int, drawn: Drawn, *, at: datetime, by: str) -> None:
    """Keep it in a transaction of its own, once this session, which only reads, is over."""

    def keep(own: Session) -> None:
        keep_proof(own, flyer_id, drawn, at=at, by=by)

    write_after(session, keep)


def make_proof(  # noqa: PLR0913 - what a proof is made of, by name
    session: Session,
    shop: Shop,
    flyer: Flyer,
    copy: Copy,
    *,
    profile: str,
    public_url: str,
    files: FileStore,
    at: datetime,
    by: str,
    name: str | None = None,
    demo: bool = False,
) -> Proof:
    """Draw a proof and keep it, in one transaction: for scripts that have the database for themselves."""
    drawn = draw_proof(session, shop, copy, profile=profile, public_url=public_url, files=files, name=name, demo=demo)
    return keep_proof(session, flyer.id, drawn, at=at, by=by)


def current_proof(session: Session, flyer: Flyer, copy: Copy, *, profile: str) -> Proof:
    """Return the newest proof that shows what the flyer says now; Conflict when there is none or its checks failed."""
    proof = counting_proof(session, flyer, copy, profile=profile)
    if proof is None and newest_proof(session, flyer, profile=profile) is None:
        raise Conflict("The flyer {flyer} has no proof for this device. Make a proof first.", flyer=flyer.name)
    if proof is None:
        raise Conflict("The flyer {flyer} has changed since its proof. Make a new proof.", flyer=flyer.name)
    if not proof.passed:
        wrong = "; ".join(preflight.sentence_of(check) for check in proof.checks if not check["ok"])
        raise Conflict("The proof of {flyer} failed preflight: {wrong}", flyer=flyer.name, wrong=wrong)
    return proof


def counting_proof(session: Session, flyer: Flyer, copy: Copy, *, profile: str, sha256: str = "") -> Proof | None:
    """Return the newest proof of exactly this copy for a device, with `sha256` of exactly these bytes."""
    same = select(Proof).where(
        Proof.shop_id == flyer.shop_id,
        Proof.flyer_id == flyer.id,
        Proof.profile == profile,
        Proof.digest == copy.digest(),
    )
    if sha256:
        same = same.where(Proof.sha256 == sha256)
    return session.exec(same.order_by(col(Proof.id).desc()).limit(1)).first()


def newest_proof(session: Session, flyer: Flyer, *, profile: str) -> Proof | None:
    """Return the last proof made of a flyer for a device, whether it still counts or not."""
    proofs = select(Proof).where(Proof.shop_id == flyer.shop_id, Proof.flyer_id == flyer.id, Proof.profile == profile)
    return session.exec(proofs.order_by(col(Proof.id).desc()).limit(1)).first()


def layer_of(copy: Copy, profile: str, files: FileStore, *, demo: bool = False) -> StaticLayer:
    """Lay out a flyer's copy for a device; Invalid for an unknown device or copy that cannot be laid out."""
    if profile not in FORMATS:
        raise Invalid("{profile} is not a device: use one of {known}.", profile=profile, known=", ".join(FORMATS))
    layer = static_layer(
        copy.design,
        copy.fields,
        format=FORMATS[profile],
        language=paper_language(copy.language),
        profile=PROFILES[profile],
        images={place: files.get(name) for place, name in copy.pictures.items()},
    )
    return replace(layer, demo=demo)


def worst_piece(layer: StaticLayer, copy: Copy, name: str, public_url: str) -> stamp.PrintRecord:
    """Return a piece with the longest values a batch can bring."""
    address = paper_address(public_url, ALPHABET[-1] * TOKEN_LENGTH)
    values = {"piece": "…WWWW · 99", "greeting": greeting(layer, name, copy.language)}
    for slot in DESIGNS[copy.design].slots:
        if slot.startswith("qr"):
            values[slot] = address
        elif slot.startswith("code"):
            values[slot] = spaced("W" * CODE_LENGTH)
    return stamp.PrintRecord(values)


def greeting(layer: StaticLayer, name: str, language: str) -> str:
    """Return how a piece addresses a buyer; without a name, or one that cannot be printed well, as an old friend."""
    name = salutation(name)
    with speaking(language):
        personal = _("{name},").format(name=name)
    fits = bool(name) and stamp.usable(layer, "greeting", personal)
    return personal if fits else WORDS[paper_language(language)]["greeting"]


def paper_language(language: str) -> str:
    """Return the name the designs have for a language tag: zh for zh-CN."""
    return language.partition("-")[0]


def _longest_name(session: Session, shop: Shop) -> tuple[str, int | None]:
    """Return the longest name somebody is greeted by, and whose it is."""
    names = select(Buyer.name, Buyer.id).where(Buyer.shop_id == shop.id)
    longest = session.exec(names.order_by(func.length(Buyer.name).desc(), Buyer.name).limit(_LONGEST_NAMES))
    return next(((name, buyer_id) for name, buyer_id in longest if salutation(name)), ("", None))


personal(
    Proof,
    which=lambda who: col(Proof.named_buyer_id) == who.id,
    blank={"named_buyer_id": None},
    files=("sha256",),
    hide=("content", "checks"),
)
