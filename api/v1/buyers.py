"""Personal data of one buyer: export, erasure, and retention periods."""

from typing import Annotated

from pydantic import Field

from api.deps import Files, Now, Reading, Writing
from api.shapes.buyers import ErasureOut, ExportOut, TimesOut
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.parameters import BuyerQuery
from api.v1.routing import router_for
from retention.access import Scope
from retention.privacy.requests import erase_buyer, export_buyer
from retention.privacy.retention_periods import MOST_DAYS, set_times, times_of

router = router_for("buyers")

Eraser = Annotated[Caller, caller_with(Scope.BUYERS_ERASE)]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]


class TimesIn(Input):
    """Days by kind; what is left out stays."""

    agents: Days | None = Field(None, description="Days to keep browsers and networks of scans.")
    uploads: Days | None = Field(None, description="Days to keep order files that were sent in.")
    texts: Days | None = Field(None, description="Days to keep addresses and texts of messages, calls and bounces.")
    audit: Days | None = Field(None, description="Days to keep the audit log.")


@router.get("/privacy/export")
def export(
    buyer: BuyerQuery, session: Reading, at: Now, caller: Annotated[Caller, caller_with(Scope.BUYERS_PERSONAL)]
) -> ExportOut:
    """Return everything the shop knows of a buyer. Scope buyers:personal; audited."""
    made = export_buyer(session, caller.shop, caller.member, buyer, at=at)
    return ExportOut.model_validate(made.as_json())


@router.post("/privacy/erase")
def erase(buyer: BuyerQuery, session: Writing, files: Files, at: Now, caller: Eraser) -> ErasureOut:
    """Erase a buyer for good; counts and money stay without a name. Scope buyers:erase; audited."""
    return ErasureOut.model_validate(erase_buyer(session, caller.member, buyer, files=files, at=at).as_json())


@router.get("/privacy")
def show_times(session: Reading, caller: Annotated[Caller, caller_with(Scope.BUYERS_READ)]) -> TimesOut:
    """Return for how many days the shop keeps each kind. Scope buyers:read."""
    return TimesOut.model_validate(times_of(session, caller.shop.id))


@router.put("/privacy")
def save_times(times: TimesIn, session: Writing, at: Now, caller: Eraser) -> TimesOut:
    """Set for how many days kinds are kept. Scope buyers:erase."""
    kept = set_times(session, caller.member, times.model_dump(exclude_none=True), at=at)
    return TimesOut.model_validate(kept)
