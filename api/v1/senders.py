"""Senders: their settings and states, pausing and testing them."""

from typing import Annotated, Any

from pydantic import Field

from api.deps import Now, Reading, Writing
from api.shapes.senders import SenderOut, SendersOut, SenderTestOut
from api.shapes.shape import Input
from api.v1.amounts import PRICED, Price
from api.v1.callers import Caller, caller_with
from api.v1.field_types import MOST_PRICE
from api.v1.pages import Paged, Text
from api.v1.parameters import OF_KIND, OF_MEDIUM, OF_STATE, SenderSlug
from api.v1.routing import made_at, router_for
from campaigns.campaign.media import Medium
from campaigns.channels import senders
from campaigns.channels.senders import SenderKind, SenderState
from campaigns.sending import pausing
from retention import money
from retention.access import Scope
from retention.errors import Invalid
from retention.shops import Shop

router = router_for("senders")

Reader = Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)]
Writer = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]
Owner = Annotated[Caller, caller_with(Scope.PEOPLE_WRITE)]
"""Who may say where messages and credentials go."""


class SenderIn(Input):
    """A sender to add."""

    slug: str = Field(min_length=1, max_length=64)
    kind: SenderKind = Field(
        description="What takes the messages: a mail server, one of the SMS gateways, a webhook, a bot."
    )
    name: str = Field("", max_length=200)
    settings: dict[str, Any] = Field(default_factory=dict, description="The plain values of its kind.")
    secrets: dict[str, str] = Field(default_factory=dict, description="Stored encrypted; never returned.")
    per_second: float | None = Field(
        None, ge=0, le=10_000, description="Messages a second at most; 0 or null for no limit."
    )
    price: Price | Annotated[int, Field(ge=0, le=MOST_PRICE)] = Field(0, description=PRICED)


class SenderChangeIn(Input):
    """What to change of a sender; what is left out stays."""

    name: str | None = Field(None, max_length=200)
    settings: dict[str, Any] | None = None
    secrets: dict[str, str] | None = Field(None, description="New secrets; stored encrypted, never returned.")
    per_second: float | None = Field(
        None, ge=0, le=10_000, description="Messages a second at most; 0 removes the limit, null leaves it as it is."
    )
    price: Price | Annotated[int, Field(ge=0, le=MOST_PRICE)] | None = Field(None, description=PRICED)


class SenderTestIn(Input):
    """Who gets the test."""

    to: str = Field(
        min_length=1,
        max_length=254,
        description="The mail address or phone number that gets it. A group bot posts to its group, whatever stands "
        "here; a webhook gets it in its data.",
    )


@router.get("/senders")
def list_all(
    session: Reading,
    caller: Reader,
    wanted: Paged,
    medium: Annotated[Medium | None, OF_MEDIUM] = None,
    kind: Annotated[SenderKind | None, OF_KIND] = None,
    state: Annotated[SenderState | None, OF_STATE] = None,
    q: Text = "",
) -> SendersOut:
    """List the shop's senders. Scope campaigns:read."""
    page = senders.page_of_senders(session, caller.shop.id, wanted, medium=medium, kind=kind, state=state, text=q)
    return SendersOut(senders=[SenderOut.of(each, caller.shop) for each in page.rows], next=page.next)


@router.get("/senders/{slug}")
def show(slug: SenderSlug, session: Reading, caller: Reader) -> SenderOut:
    """Show a sender. Scope campaigns:read."""
    return SenderOut.of(senders.find_sender(session, caller.shop.id, slug), caller.shop)


@router.post("/senders", status_code=201)
@made_at("/senders/{slug}")
def create(sent: SenderIn, session: Writing, at: Now, caller: Owner) -> SenderOut:
    """Add a sender. Scope people:write."""
    values = _priced(sent.model_dump(exclude={"slug"}), caller.shop)
    made = senders.create_sender(session, caller.shop, sent.slug, **values, at=at, actor=caller.actor)
    return SenderOut.of(made, caller.shop)


@router.patch("/senders/{slug}")
def edit(slug: SenderSlug, sent: SenderChangeIn, session: Writing, at: Now, caller: Owner) -> SenderOut:
    """Change a sender. Secrets go to another host only when they are sent again. Scope people:write."""
    found = senders.find_sender(session, caller.shop.id, slug)
    values = _priced(sent.model_dump(), caller.shop)
    edited = senders.edit_sender(session, found, **values, at=at, actor=caller.actor)
    return SenderOut.of(edited, caller.shop)


@router.post("/senders/{slug}/pause")
def pause(slug: SenderSlug, session: Writing, at: Now, caller: Writer) -> SenderOut:
    """Stop using a sender at once; campaigns by it wait. Scope campaigns:write."""
    found = senders.find_sender(session, caller.shop.id, slug)
    pausing.pause_sender(session, found, at=at, actor=caller.actor)
    return SenderOut.of(found, caller.shop)


@router.post("/senders/{slug}/resume")
def resume(slug: SenderSlug, session: Writing, at: Now, caller: Writer) -> SenderOut:
    """Use a paused or broken sender again. Scope campaigns:write."""
    found = senders.find_sender(session, caller.shop.id, slug)
    pausing.resume_sender(session, found, at=at, actor=caller.actor)
    return SenderOut.of(found, caller.shop)


@router.post("/senders/{slug}/test")
def test(slug: SenderSlug, sent: SenderTestIn, session: Reading, at: Now, caller: Writer) -> SenderTestOut:
    """Send one message that says it is a test; 409 with the error response of the receiver. Scope campaigns:write."""
    found = senders.find_sender(session, caller.shop.id, slug)
    reference = senders.send_test_message(session, caller.shop, found, to=sent.to, at=at, actor=caller.actor)
    return SenderTestOut(reference=reference)


def _priced(values: dict[str, Any], shop: Shop) -> dict[str, Any]:
    """Return values whose price is in hundredths of a minor unit, however it was given."""
    price = values["price"]
    if not isinstance(price, str):
        return values
    read = money.read_price(price, shop.currency)
    if read > MOST_PRICE:
        most = money.write_price(MOST_PRICE, shop.currency)
        raise Invalid("The price {text} is too high: at most {most}.", text=repr(price), most=most)
    return values | {"price": read}
