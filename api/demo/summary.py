"""The figures of a demonstration, as summary.json holds them."""

from pydantic import BaseModel, Field

from campaigns.campaign.reasons import step_name


class MessageFigures(BaseModel):
    """One message campaign's ledger: audience = sent + skipped + control + failed + unknown."""

    audience: int
    sent: int
    skipped: dict[str, int]
    control: int
    failed: int
    unknown: int

    def in_words(self) -> str:
        """Return the sum in one line, with each reason by its words."""
        skipped = ", ".join(f"{step_name(reason).lower()} {count}" for reason, count in self.skipped.items())
        return (
            f"{self.audience} in the segment = {self.sent} sent + {sum(self.skipped.values())} skipped ({skipped})"
            f" + {self.control} control + {self.failed} failed + {self.unknown} unknown"
        )


class Flyers(BaseModel):
    """The parcel flyer: pieces printed, pieces scanned into parcels, buyers in control."""

    pieces: int
    in_parcels: int
    control: int


class Joint(BaseModel):
    """The joint flyer: its shops, the pieces in their parcels, and scans by "host shop -> slot owner"."""

    shops: list[str]
    pieces: int
    scans: dict[str, int]


class LiftFigures(BaseModel):
    """The coupon push against its control group: buyers per arm, difference of order rates, its 95 % interval."""

    treated: int
    control: int
    difference: float | None
    interval: tuple[float, float] | None


class Summary(BaseModel):
    """The whole chain in figures."""

    shop: str
    seed: int
    day: str
    buyers: int
    orders: int
    repeat_rate: float
    segments: dict[str, int]
    push: MessageFigures
    alert: MessageFigures
    flyers: Flyers
    joint: Joint
    scans: int
    claims: int
    redemptions: int
    lift: LiftFigures
    files: list[str]
    seconds: float = Field(description="Wall clock of the run; the only figure a seed does not settle.")

    def in_words(self) -> str:
        """Return the figures as a person reads them, a line for each link of the chain."""
        low_high = ""
        if self.lift.interval:
            low, high = self.lift.interval
            low_high = f", 95 % between {low:+.1%} and {high:+.1%}"
        paper = self.flyers
        scans = ", ".join(f"{way} {count}" for way, count in self.joint.scans.items()) or "none"
        lift = "not shown" if self.lift.difference is None else f"{self.lift.difference:+.1%}{low_high}"
        return "\n".join(
            [
                f"{self.shop}: {self.buyers:,} buyers, {self.orders:,} orders, repeat rate {self.repeat_rate:.1%}",
                f"Push:   {self.push.in_words()}",
                f"Alert:  {self.alert.in_words()}",
                f"Flyers: {paper.pieces} printed, {paper.in_parcels} in parcels, {paper.control} in control",
                f"Joint:  {self.joint.pieces} printed for {' and '.join(self.joint.shops)}, scans {scans}",
                f"Buyers: {self.scans} scans and clicks, {self.claims} claims, {self.redemptions} redemptions",
                f"Lift of the push: {lift} (treated {self.lift.treated}, control {self.lift.control})",
                f"In {self.seconds} seconds",
            ]
        )
