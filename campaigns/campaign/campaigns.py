"""Campaigns: tables of campaigns, their runs and deliveries, and the values of their columns."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from pyroaring import BitMap
from sqlalchemy import CheckConstraint, ColumnElement, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, Session, col, select

from campaigns.campaign.content import Content, read_content
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Policy, read_policy
from campaigns.campaign.triggers import Trigger, read_trigger, starts_itself
from retention.built_on import BroughtRows, at_undo, builds_on
from retention.database import BigId, Json, ShopRow, choice
from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.privacy.personal import personal
from retention.privacy.retention_periods import KeptKind, forgets
from retention.stored import Stored
from segments.rule_ast import Node
from segments.rules import parse


class Recipe(StrEnum):
    """The kinds of campaign a shop starts from; each prefills content, policy and schedule."""

    ARRIVAL_ALERT = "arrival-alert"
    COUPON_PUSH = "coupon-push"
    PARCEL_FLYER = "parcel-flyer"
    JOINT_FLYER = "joint-flyer"
    FOLLOW_GIFT = "follow-gift"
    GROUP_DROP = "group-drop"
    TEAM_COUPON = "team-coupon"
    PAYMENT_REMINDER = "payment-reminder"
    CHECK_IN = "check-in"
    WIN_BACK = "win-back"
    GREETING = "greeting"
    CONTENT_POST = "content-post"
    SERVICE_RECOVERY = "service-recovery"


class CampaignState(StrEnum):
    """Where a campaign stands. The moves between states are listed in `lifecycle`."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


def _rule_or_none(rule: object) -> Node | None:
    return parse(rule) if rule else None


class Campaign(ShopRow, table=True):
    """A campaign.

    `audience` and `excluded` are rules (`segments.rule_ast`). They, `content`, `policy` and `trigger` are values, read
    from the JSON that the row keeps. `scheduled_at` is the next launch, `looked_until` the moment up to which the
    occurrences or events of a trigger have been taken in, and `started_at` when they began to count; with neither of
    the first two, nothing more comes by itself. `topic` is the slug of what the message is about, which a buyer can
    leave alone. `secret` seeds the control group, so that nobody can guess or choose who is in it.
    """

    __tablename__ = "campaigns"
    __table_args__ = (UniqueConstraint("shop_id", "slug"), Index(None, "shop_id", "id"))

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    recipe: Recipe = Field(sa_type=choice(Recipe))
    medium: Medium = Field(sa_type=choice(Medium))
    state: CampaignState = Field(default=CampaignState.DRAFT, sa_type=choice(CampaignState))
    audience_json: dict[str, Any] = Field(alias="audience", sa_type=Json, sa_column_kwargs={"name": "audience"})
    excluded_json: dict[str, Any] | None = Field(
        default=None, alias="excluded", sa_type=Json, sa_column_kwargs={"name": "excluded"}
    )
    offer_id: int | None = Field(default=None, foreign_key="offers.id", sa_type=BigId)
    product_id: int | None = Field(default=None, foreign_key="products.id", sa_type=BigId)
    content_json: dict[str, Any] = Field(
        default_factory=dict, alias="content", sa_type=Json, sa_column_kwargs={"name": "content"}
    )
    policy_json: dict[str, Any] = Field(
        default_factory=dict, alias="policy", sa_type=Json, sa_column_kwargs={"name": "policy"}
    )
    trigger_json: dict[str, Any] = Field(
        default_factory=dict, alias="trigger", sa_type=Json, sa_column_kwargs={"name": "trigger"}
    )
    sender_id: int | None = Field(default=None, foreign_key="senders.id", sa_type=BigId)
    topic: str = Field(default="", max_length=64)
    secret: str = Field(max_length=64, repr=False)
    scheduled_at: datetime | None = None
    looked_until: datetime | None = None
    started_at: datetime | None = None
    created_by: str = Field(max_length=64)
    created_at: datetime

    audience: ClassVar[Stored[Node]] = Stored("audience_json", parse)
    excluded: ClassVar[Stored[Node | None]] = Stored("excluded_json", _rule_or_none)
    content: ClassVar[Stored[Content]] = Stored("content_json", read_content)
    policy: ClassVar[Stored[Policy]] = Stored("policy_json", read_policy)
    trigger: ClassVar[Stored[Trigger]] = Stored("trigger_json", read_trigger)

    @property
    def damage(self) -> Invalid | None:
        """What keeps its stored values from being read; None for a sound campaign.

        Whoever goes through many asks this first, so that one that is damaged stops nobody else's.
        """
        try:
            _ = self.audience, self.excluded, self.content, self.policy, self.trigger
        except Invalid as error:
            return error
        return None

    @property
    def repeats(self) -> bool:
        """Whether the calendar, events or waves make its runs; said of a damaged one too, so that it can be ended."""
        return self.damage is not None or starts_itself(self.trigger)

    @property
    def awaits_more(self) -> bool:
        """Whether the clock or events may still make a run of it."""
        return self.scheduled_at is not None or self.looked_until is not None

    def stop_waiting(self) -> None:
        """Have no more runs come by themselves."""
        self.scheduled_at = self.looked_until = None


class Run(ShopRow, table=True):
    """One occurrence of a campaign, planned once.

    `funnel` is the list of [step, count] the preview showed, `fingerprint` what binds the two. `audience_ids` is the
    whole audience as a serialized bitmap, kept for ever: the unit of measurement is everybody assigned. `control_share`
    is the planned share, `read_out_at` the day the result is read, both fixed before anything leaves. `product_price`
    is what the message promises; a delivery whose product costs something else by then is not sent. `wave` counts the
    waves of an alert from 1; 0 has none.
    """

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("shop_id", "campaign_id", "number"),)

    campaign_id: int = Field(foreign_key="campaigns.id", sa_type=BigId)
    number: int
    wave: int = 0
    planned_at: datetime
    fingerprint: str = Field(max_length=64)
    funnel: list[Any] = Field(sa_type=Json)
    audience: int
    audience_ids: bytes = Field(sa_type=LargeBinary, repr=False)
    control_share: float = 0.0
    product_price: int | None = None
    read_out_at: datetime
    finished_at: datetime | None = None


class RunSkip(ShopRow, table=True):
    """The buyers of a run left out for one reason when it was planned, as a serialized bitmap."""

    __tablename__ = "run_skips"
    __table_args__ = (UniqueConstraint("shop_id", "run_id", "reason"),)

    run_id: int = Field(foreign_key="runs.id", sa_type=BigId)
    reason: str = Field(max_length=50)
    buyers: int
    buyer_ids: bytes = Field(sa_type=LargeBinary, repr=False)


class DeliveryState(StrEnum):
    """Where one buyer's row stands; `claimed` is a `waiting` row that a worker has in its hands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CONTROL = "control"


TAKEN = (DeliveryState.WAITING, DeliveryState.CLAIMED, DeliveryState.SENT, DeliveryState.UNKNOWN)
"""A delivery in one of these has reached the buyer, may have, or still will."""


class Delivery(ShopRow, table=True):
    """One buyer's row in one run: one thing handed to one person, by message or by parcel; or nothing, in control.

    `handed_at` is written before the message leaves. A claim that expired without it never left and waits again; with
    it nobody can know, and the row says unknown. After `expires_at` it is too late to send. `post_id` is the one post
    that serves this buyer with others of a chat group, `digest_id` the host delivery, whose message includes this one's
    content.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("shop_id", "run_id", "buyer_id"),
        Index(None, "shop_id", "state", "due_at", "id"),
        Index(None, "shop_id", "buyer_id", "sent_at"),
        Index(
            None,
            "shop_id",
            "sent_at",
            postgresql_where=text("sent_at IS NOT NULL"),
            sqlite_where=text("sent_at IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_put_off",
            "shop_id",
            "due_at",
            postgresql_where=text("state = 'waiting' AND detail <> ''"),
            sqlite_where=text("state = 'waiting' AND detail <> ''"),
        ),
        Index(None, "shop_id", "parcel_id"),
        Index(
            None,
            "digest_id",
            postgresql_where=text("digest_id IS NOT NULL"),
            sqlite_where=text("digest_id IS NOT NULL"),
        ),
        Index(
            None,
            "shop_id",
            "post_id",
            postgresql_where=text("post_id IS NOT NULL"),
            sqlite_where=text("post_id IS NOT NULL"),
        ),
        CheckConstraint("(state = 'claimed') = (claim_token IS NOT NULL)", name="claim_token_while_claimed"),
    )

    campaign_id: int = Field(foreign_key="campaigns.id", sa_type=BigId)
    run_id: int = Field(foreign_key="runs.id", sa_type=BigId)
    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    parcel_id: int | None = Field(default=None, foreign_key="parcels.id", sa_type=BigId)
    coupon_id: int | None = Field(default=None, foreign_key="coupons.id", sa_type=BigId)
    state: DeliveryState = Field(sa_type=choice(DeliveryState))
    reason: str = Field(default="", max_length=50)
    detail: str = Field(default="", max_length=500)
    address: str = Field(default="", max_length=254)
    due_at: datetime
    expires_at: datetime | None = None
    post_id: int | None = Field(default=None, foreign_key="posts.id", sa_type=BigId)
    digest_id: int | None = Field(default=None, foreign_key="deliveries.id", sa_type=BigId)
    attempts: int = 0
    claim_token: str | None = Field(default=None, max_length=32)
    claim_expires_at: datetime | None = None
    handed_at: datetime | None = None
    sent_at: datetime | None = None
    message_id: str = Field(default="", max_length=200)


def deliveries_of(campaign: Campaign) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on deliveries that they are a campaign's: by its runs, whose index they have."""
    runs = select(Run.id).where(Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id)
    return (col(Delivery.shop_id) == campaign.shop_id, col(Delivery.run_id).in_(runs))


@at_undo(gettext_noop("runs planned with them"))
def _runs_planned_with(session: Session, brought: BroughtRows) -> int:
    planned = select(Run.audience_ids).where(Run.shop_id == brought.shop_id, Run.planned_at >= brought.since)
    return sum(brought.buyers.intersect(BitMap.deserialize(ids)) for ids in session.exec(planned))


builds_on(Delivery, gettext_noop("messages and inserts"), moments=("due_at", "handed_at", "sent_at"))
personal(Delivery, blank={"address": "", "detail": "", "message_id": ""}, addresses=("address",))
forgets(KeptKind.TEXTS, Delivery, moment="sent_at", blank={"address": "", "detail": ""})
