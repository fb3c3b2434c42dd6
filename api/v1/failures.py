"""What goes wrong by itself: listed, and tried again at once."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from api.deps import Now, Reading, Writing
from api.shapes.shape import Shape
from api.v1.keys import Caller, caller_with
from api.v1.pages import Paged, PageOut, Since, Until, YesOrNo
from api.v1.parameters import FailureNumber
from api.v1.routing import router_for
from retention.access import Scope
from retention.failures import Failure, is_given_up, page_of_failures, try_again

router = router_for("failures")

Writer = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]


WordQuery = Annotated[str, Query(max_length=64, description="Only those of which the answer says this.")]


class FailureOut(Shape):
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


class FailuresOut(PageOut):
    """What fails in the shop, what failed last of all first."""

    failures: list[FailureOut]


@router.get("/failures")
def list_all(
    session: Reading,
    caller: Writer,
    wanted: Paged,
    work: WordQuery = "",
    kind: WordQuery = "",
    name: WordQuery = "",
    given_up: YesOrNo = None,
    since: Since = None,
    until: Until = None,
) -> FailuresOut:
    """List what fails in the shop and waits or was given up; `since` is about when it began. Scope campaigns:write."""
    page = page_of_failures(
        session, caller.shop.id, wanted, work=work, kind=kind, name=name, given_up=given_up, since=since, until=until
    )
    return FailuresOut(failures=[shown(each) for each in page.rows], next=page.next)


@router.post("/failures/{number}/try-again", status_code=202)
def retry(number: FailureNumber, session: Writing, at: Now, caller: Writer) -> FailureOut:
    """Have a thing tried at once; the answer is its failure as it was. Scope campaigns:write."""
    return shown(try_again(session, caller.member, number, at=at))


def shown(failure: Failure) -> FailureOut:
    """Return a failure as programs read it."""
    kept = failure.model_dump(include=set(FailureOut.model_fields))
    return FailureOut(**kept, given_up=is_given_up(failure))
