"""A campaign's text: preview, checks, test messages; topics; bounces."""

from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field

from api.deps import Now, Reading, Writing
from api.shapes.content import ContentOut, FindingOut, MessageTestOut, ShownListOut, ShownOut, VariableOut
from api.shapes.optouts import BounceOut, BouncesOut, LiftedOut, TopicOut, TopicsOut
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.pages import AddressQuery, Paged, Since, Text, Until
from api.v1.parameters import OF_KIND, CampaignSlug, TopicSlug
from api.v1.routing import made_or_changed, router_for, say_made
from campaigns.optouts.bounce_handling import lift_bounce
from campaigns.optouts.bounces import BounceKind, page_of_bounces
from campaigns.optouts.topics import create_topic, find_topic, page_of_topics, rename_topic
from campaigns.runs.drafting import campaign_for
from campaigns.texts.checks import check_text
from campaigns.texts.content import extremes, in_money, show_to, variables
from campaigns.texts.sending_tests import send_test
from retention.access import Scope
from retention.buyer_list import seen_by
from retention.buyers import buyer_for
from retention.errors import NotFound

router = router_for("content")

Reader = Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)]
PersonalReader = Annotated[Caller, caller_with(Scope.BUYERS_PERSONAL)]
Previewer = Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ, Scope.BUYERS_PERSONAL)]
Writer = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]

PreviewedQuery = Annotated[
    str, Query(max_length=200, description="The buyer's external id; left out: the shortest and the longest case.")
]


class MessageTestIn(Input):
    """Where a test goes: the address of somebody of the shop; and which buyer's message it is."""

    to: str = Field(min_length=3, max_length=254)
    buyer: str = Field(max_length=200, description="The external id of the buyer whose message it is.")


class TopicIn(Input):
    """A topic's names by language."""

    names: dict[str, str]


class LiftIn(Input):
    """An address to allow again."""

    address: str = Field(
        min_length=3, max_length=254, description="A mail address or phone number, however it is written."
    )


@router.get("/campaigns/{slug}/content")
def show_content(slug: CampaignSlug, session: Reading, at: Now, caller: Reader) -> ContentOut:
    """List what a campaign's text may use, and what is found in it. Scope campaigns:read."""
    campaign = campaign_for(session, caller.member, slug)
    return ContentOut(
        variables=[VariableOut.of(each) for each in variables(session, caller.shop, campaign)],
        findings=[FindingOut.of(each) for each in check_text(session, caller.shop, campaign, at=at)],
    )


@router.get("/campaigns/{slug}/preview")
def preview(
    slug: CampaignSlug,
    session: Reading,
    at: Now,
    caller: Previewer,
    buyer: PreviewedQuery = "",
) -> ShownListOut:
    """Show the message as a buyer would get it; nothing is sent or stored. Scopes campaigns:read, buyers:personal."""
    campaign = campaign_for(session, caller.member, slug)
    one = [buyer_for(session, caller.member, buyer)] if buyer else None
    readers = one or extremes(session, caller.shop, campaign, at=at)
    shown = [in_money(show_to(session, caller.shop, campaign, each), caller.shop.currency) for each in readers]
    return ShownListOut(messages=[ShownOut(**{name: each[name] for name in ShownOut.model_fields}) for each in shown])


@router.post("/campaigns/{slug}/test")
def test(slug: CampaignSlug, sent: MessageTestIn, session: Reading, at: Now, caller: Writer) -> MessageTestOut:
    """Send a buyer's message to somebody of the shop, marked as a test. Scope campaigns:write.

    It is in no ledger and uses no coupon. A key that sees no personal data sends a masked one. 409 with what the other
    side said when it was not taken.
    """
    campaign = campaign_for(session, caller.member, slug)
    reader = seen_by(caller.member, buyer_for(session, caller.member, sent.buyer))
    subject = send_test(session, caller.shop, campaign, reader, to=sent.to, at=at, actor=caller.actor)
    return MessageTestOut(to=sent.to, subject=subject)


@router.get("/topics")
def list_topics(session: Reading, caller: Reader, wanted: Paged, q: Text = "") -> TopicsOut:
    """List the shop's topics. Scope campaigns:read."""
    page = page_of_topics(session, caller.shop.id, wanted, text=q)
    return TopicsOut(topics=[TopicOut.of(each) for each in page.rows], next=page.next)


@router.put("/topics/{slug}", responses=made_or_changed(TopicOut))
def put_topic(
    slug: TopicSlug, sent: TopicIn, session: Writing, at: Now, caller: Writer, request: Request, response: Response
) -> TopicOut:
    """Make a topic, or give it other names. Scope campaigns:write."""
    try:
        topic = find_topic(session, caller.shop.id, slug)
    except NotFound:
        topic = create_topic(session, caller.shop, slug, names=sent.names, at=at, actor=caller.actor)
        say_made(request, response)
    else:
        rename_topic(session, topic, names=sent.names, at=at, actor=caller.actor)
    return TopicOut.of(topic)


@router.get("/bounces")
def list_bounces(
    session: Reading,
    caller: PersonalReader,
    wanted: Paged,
    kind: Annotated[BounceKind | None, OF_KIND] = None,
    address: AddressQuery = "",
    since: Since = None,
    until: Until = None,
) -> BouncesOut:
    """List bounces and complaints. Scope buyers:personal."""
    page = page_of_bounces(session, caller.shop.id, wanted, kind=kind, address=address, since=since, until=until)
    return BouncesOut(bounces=[BounceOut.of(each) for each in page.rows], next=page.next)


@router.post("/bounces/lift")
def lift(sent: LiftIn, session: Writing, at: Now, caller: Writer) -> LiftedOut:
    """Allow an address again that takes mail by now. Scope campaigns:write."""
    lifted = lift_bounce(session, caller.shop, sent.address, at=at, actor=caller.actor)
    return LiftedOut(address=sent.address, lifted=lifted)
