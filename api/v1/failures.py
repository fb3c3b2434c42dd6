"""What goes wrong by itself: listed, and tried again at once."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api.deps import Now, Reading, Writing
from api.v1.bounds import Number
from api.v1.keys import Caller, caller_with
from api.v1.routing import router_for
from retention.access import Scope
from retention.failures import Failure, failures_of, is_given_up, try_again

router = router_for("failures")

Writer = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]


class FailureOut(BaseModel):
    """One thing that fails."""

    id: int
    work: str = Field(description="What was being done: launch, sender, hook, refresh, batch, import ...")
    kind: str = Field(description="What it happened to: campaign, sender, hook, segment, batch, job, post, shop.")
    name: str = Field(description="The thing's slug or number; empty where it has none.")
    why: str = Field(description="What went wrong, in the shop's language.")
    tries: int = Field(description="Tries in a row.")
    given_up: bool = Field(description="It has had all its tries.")
    since: datetime
    tried_at: datetime
    next_at: datetime | None = Field(description="When it is tried again by itself; null: never.")


class FailuresOut(BaseModel):
    """What fails in the shop, the latest first."""

    failures: list[FailureOut]


@router.get("/failures")
def list_all(session: Reading, caller: Writer) -> FailuresOut:
    """List what fails in the shop and waits or was given up. Scope campaigns:write."""
    return FailuresOut(failures=[shown(each) for each in failures_of(session, caller.shop.id)])


@router.post("/failures/{number}/try-again", status_code=202)
def retry(number: Number, session: Writing, at: Now, caller: Writer) -> FailureOut:
    """Have a thing tried at once; the answer is its failure as it was. Scope campaigns:write."""
    return shown(try_again(session, caller.member, number, at=at))


def shown(failure: Failure) -> FailureOut:
    """Return a failure as programs read it."""
    kept = failure.model_dump(include=set(FailureOut.model_fields))
    return FailureOut(**kept, given_up=is_given_up(failure))
