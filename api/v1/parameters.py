"""What stands in the addresses of the REST API, and the filters that several lists have: named and described once."""

from typing import Annotated

from fastapi import Path, Query

from api.v1.field_types import Moment
from retention.column_limits import LARGEST

_MOST_BATCHES = 2**31

SegmentSlug = Annotated[str, Path(description="The segment's slug.")]
CampaignSlug = Annotated[str, Path(description="The campaign's slug.")]
TopicSlug = Annotated[str, Path(description="The topic's slug.")]
GroupSlug = Annotated[str, Path(description="The chat group's slug.")]
SenderSlug = Annotated[str, Path(description="The sender's slug.")]
WebhookSlug = Annotated[str, Path(description="The webhook's slug.")]
PresetSlug = Annotated[str, Path(description="The preset's slug, as the list of presets has it.")]

ImportNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The import's id.")]
MappingNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The saved mapping's id.")]
StatusNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The status word's id.")]
PostNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The post's number.")]
CallNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The call's id.")]
FailureNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The failure's id.")]
InvitationNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The invitation's id.")]
PersonNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The person's id.")]
KeyNumber = Annotated[int, Path(ge=1, le=LARGEST, description="The key's id.")]
BatchNumber = Annotated[int, Path(ge=1, le=_MOST_BATCHES, description="The batch's number.")]

ExternalId = Annotated[str, Path(description="The buyer's external id: what the shop itself calls them.")]
BuyerQuery = Annotated[str, Query(max_length=200, description="The buyer's external id.")]
Waybill = Annotated[str, Path(max_length=64, description="The waybill number on the parcel.")]

AsOf = Annotated[Moment | None, Query(description="Count with what was known before this moment; now when left out.")]

OF_STATE = Query(description="Only those in this state.")
OF_KIND = Query(description="Only those of this kind.")
OF_MEDIUM = Query(description="Only those that go out by this medium.")
OF_CHANNEL = Query(description="Only those about this channel.")
