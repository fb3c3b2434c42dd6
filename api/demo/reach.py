"""The middle of the demonstration: a coupon push and an arrival alert by mail, flyers in parcels, a joint flyer."""

import shutil
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default as mail_policy
from typing import Any

from sqlmodel import Session, select

from api.demo.post_office import PostOffice
from api.demo.shops import Cast
from api.demo.stage import Stage
from campaigns.campaign.campaigns import Campaign, Recipe, Run
from campaigns.campaign.draft import Draft
from campaigns.channels.smtp import SmtpChannel
from campaigns.deliveries.campaign_moves import finish_done
from campaigns.offers.offers import Offer, OfferKind, create_offer, find_offer
from campaigns.plans.planning import plan
from campaigns.runs.drafting import create_campaign
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from printables.batches import Batch
from printables.flyers import Flyer, copy_of, create_flyer
from printables.joint.approving import approve, prove_joint
from printables.joint.partners import JointFlyer
from printables.joint.printing import make_joint_batch
from printables.joint.slots import add_partner, fill_slot, open_joint
from printables.make_batch import make_batch
from printables.piece_ledger import PrintResult, mark_printed
from printables.proofs import make_proof
from retention.access import Member
from retention.database import transaction
from retention.products import Product
from retention.tokens import digest

FRIENDS: dict[str, Any] = {"any": [{"follows": {}}, {"group": {}}]}
REPEAT: dict[str, Any] = {"segment": "repeat-customers"}
MAILS_KEPT = 12


@dataclass(frozen=True)
class Sent:
    """A launched campaign and its one run."""

    campaign: Campaign
    run: Run


def push_coupons(stage: Stage, cast: Cast, office: PostOffice) -> Sent:
    """Send repeat customers a coupon by mail, through the mail server, and keep a few of the mails as files."""
    at = stage.at(9, 30)
    with stage.step("Send a coupon push by email") as step:
        with transaction(stage.engine) as session:
            offer = _offer(session, cast, "welcome-back", "老客专享 20 元", at=at)
            sent = _launch(stage, session, cast, "autumn-coupon", "秋日老客券", Recipe.COUPON_PUSH, REPEAT, offer=offer)
        _send(stage)
        step.seen(len(office.arrived), len(office.arrived))
    _keep_mails(stage, office)
    return sent


def announce_arrival(stage: Stage, cast: Cast) -> Sent:
    """Tell repeat customers who bought of its category that a product has arrived."""
    stage.at(10, 5, days=3)
    with stage.step("Announce an arrival by email"):
        with transaction(stage.engine) as session:
            product = _arrival(session, cast)
            of_kind = {"orders": {"measure": "count", "at_least": 1, "of": {"category": product.category}}}
            # A real order file may name no categories; then everybody who came back hears of it.
            rule = {"all": [REPEAT, of_kind]} if "orders" in cast.bag.files else REPEAT
            sent = _launch(stage, session, cast, "new-arrival", "新品到店", Recipe.ARRIVAL_ALERT, rule, product=product)
        _send(stage)
    return sent


def print_flyers(stage: Stage, cast: Cast) -> tuple[Sent, list[Batch]]:
    """Plan flyers for followers and group members whose parcels leave today; print one wave on A4, one on labels."""
    at = stage.at(10)
    with stage.step("Print flyers for today's parcels", total=2) as step:
        with transaction(stage.engine) as session:
            offer = _offer(session, cast, "flyer-coupon", "包裹传单 20 元", at=at)
            product = _arrival(session, cast)
            sent = _launch(
                stage,
                session,
                cast,
                "parcel-flyer",
                "随包裹老客券",
                Recipe.PARCEL_FLYER,
                FRIENDS,
                offer=offer,
                product=product,
            )
            flyer = create_flyer(
                session, cast.shop, sent.campaign, slug="thank-you", name="秋茶券", at=at, by=cast.marketer.actor
            )
            first_wave = -(-waiting_for_parcels(sent.run) // 2)
            for profile in ("office", "label-203"):
                _prove(stage, session, cast, flyer, profile)
        batches = []
        for profile, most in (("office", first_wave), ("label-203", None)):
            batch = make_batch(
                stage.engine,
                flyer.id,
                sent.run.id,
                profile=profile,
                files=stage.files,
                public_url=stage.settings.public_url,
                demo=stage.settings.demo,
                at=at,
                by=cast.packer.actor,
                most=most,
            )
            batches.append(batch)
            step.advance()
    _came_out_well(stage, cast.packer, batches)
    _copy_out(stage, batches[0], "flyers-a4.pdf")
    _copy_out(stage, batches[1], "flyers-label.pdf")
    return sent, batches


def share_a_flyer(stage: Stage, first: Cast, second: Cast) -> tuple[JointFlyer, list[tuple[Cast, Sent, Batch]]]:
    """Open a joint flyer, let both shops fill and approve it, and print it for the parcels of both."""
    at = stage.at(11)
    with stage.step("Approve and print a joint flyer", total=2) as step:
        with transaction(stage.engine) as session:
            joint = open_joint(session, first.marketer, "tea-and-cups", theme="好茶配好器", language="zh-CN", at=at)
            add_partner(session, first.marketer, joint, second.shop, at=at)
            for cast in (first, second):
                offer = _offer(session, cast, "joint-coupon", "联合传单 20 元", at=at)
                product = _arrival(session, cast) if cast is first else _cups(session, cast)
                fill_slot(
                    session,
                    cast.marketer,
                    joint,
                    title=product.title.split(" · ")[0],
                    words="凭此券下单，老朋友价。",
                    offer_slug=offer.slug,
                    sku=product.sku,
                    files=stage.files,
                    at=at,
                )
            proof = prove_joint(
                session,
                first.marketer,
                joint,
                profile="office",
                public_url=stage.settings.public_url,
                demo=stage.settings.demo,
                files=stage.files,
                at=at,
            )
            for cast in (first, second):
                approve(session, cast.owner, joint, proof.sha256, at=at)
        joint_runs = [(cast, *_print_joint(stage, cast, joint, step)) for cast in (first, second)]
    _copy_out(stage, joint_runs[0][2], "joint-flyer.pdf")
    return joint, joint_runs


def _print_joint(stage: Stage, cast: Cast, joint: JointFlyer, step: Any) -> tuple[Sent, Batch]:
    """Put the joint flyer into a shop's other parcels: those of buyers who neither follow nor chat."""
    rule = {"all": [{"orders": {"measure": "count", "at_least": 1}}, {"not": FRIENDS}]}
    with transaction(stage.engine) as session:
        offer = find_offer(session, cast.shop.id, "joint-coupon")
        sent = _launch(stage, session, cast, "tea-and-cups", "好茶配好器", Recipe.JOINT_FLYER, rule, offer=offer)
    batch = make_joint_batch(
        stage.engine,
        joint.id,
        sent.run.id,
        profile="office",
        files=stage.files,
        public_url=stage.settings.public_url,
        demo=stage.settings.demo,
        at=stage.now,
        by=cast.packer.actor,
    )
    _came_out_well(stage, cast.packer, [batch])
    step.advance()
    return sent, batch


def _launch(
    stage: Stage,
    session: Session,
    cast: Cast,
    slug: str,
    name: str,
    recipe: Recipe,
    audience: dict[str, Any],
    *,
    offer: Offer | None = None,
    product: Product | None = None,
) -> Sent:
    """Draft, preview and launch, as a marketer does; the launch must come to what the preview showed."""
    campaign = create_campaign(
        session,
        cast.shop,
        Draft(
            slug,
            name=name,
            recipe=recipe,
            audience=audience,
            offer_id=offer.id if offer else None,
            product_id=product.id if product else None,
        ),
        at=stage.now,
        actor=cast.marketer.actor,
    )
    # Only here: the control group's seed follows the demonstration's, so that its figures can be repeated.
    campaign.secret = digest(f"demo-{stage.seed}-{cast.shop.slug}-{slug}")[:32]
    session.flush()
    preview = plan(session, cast.shop, campaign, at=stage.now)
    run = launch(session, cast.shop, campaign, at=stage.now, actor=cast.marketer.actor, fingerprint=preview.fingerprint)
    return Sent(campaign, run)


def _send(stage: Stage) -> None:
    settings = stage.settings
    sender = SenderIdentity(settings.public_url, settings.signing_key(), settings.mail_from)
    while +send_waiting(stage.engine, SmtpChannel(settings.smtp_url), now=stage.now, identity=sender):
        pass
    with transaction(stage.engine) as session:
        finish_done(session, at=stage.now)


def _offer(session: Session, cast: Cast, slug: str, name: str, *, at: Any) -> Offer:
    return create_offer(
        session,
        cast.shop.id,
        slug,
        name=name,
        kind=OfferKind.AMOUNT,
        value=2000,
        minimum=9900,
        days_from_claim=14,
        at=at,
        actor=cast.marketer.actor,
    )


def _arrival(session: Session, cast: Cast) -> Product:
    """Return the product still to come that the catalogue names first."""
    sku = next(product.sku for product in cast.bag.catalogue.products if product.arrives_in_days > 0)
    return session.exec(select(Product).where(Product.shop_id == cast.shop.id, Product.sku == sku)).one()


def _cups(session: Session, cast: Cast) -> Product:
    return session.exec(select(Product).where(Product.shop_id == cast.shop.id, Product.sku == "QC-BZ")).one()


def _prove(stage: Stage, session: Session, cast: Cast, flyer: Flyer, profile: str) -> None:
    make_proof(
        session,
        cast.shop,
        flyer,
        copy_of(session, cast.shop, flyer),
        profile=profile,
        public_url=stage.settings.public_url,
        demo=stage.settings.demo,
        files=stage.files,
        at=stage.now,
        by=cast.marketer.actor,
    )


def waiting_for_parcels(run: Run) -> int:
    """Return how many inserts a run promised."""
    return int(dict(run.funnel)["final"])


def _came_out_well(stage: Stage, packer: Member, batches: list[Batch]) -> None:
    with transaction(stage.engine) as session:
        for batch in batches:
            mark_printed(session, packer, batch.number, PrintResult.GOOD, at=stage.now)


def _copy_out(stage: Stage, batch: Batch, name: str) -> None:
    shutil.copyfile(stage.files.path(batch.files[0]), stage.out / name)


def _keep_mails(stage: Stage, office: PostOffice) -> None:
    folder = stage.out / "mails"
    folder.mkdir()
    for number, (recipient, content) in enumerate(sorted(office.arrived)[:MAILS_KEPT], start=1):
        message = message_from_bytes(content, policy=mail_policy)
        (folder / f"{number:02d}-{recipient.partition('@')[0]}.eml").write_bytes(message.as_bytes())
