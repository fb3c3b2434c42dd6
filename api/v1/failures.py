"""Failures of background work: listed, and retried at once."""

from typing import Annotated

from fastapi import Query

from api.deps import Now, Reading, Writing
from api.shapes.failures import FailureOut, FailuresOut
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged, Since, Until, YesOrNo
from api.v1.parameters import FailureNumber
from api.v1.routing import router_for
from retention.access import Scope
from retention.failures import page_of_failures, try_again

router = router_for("failures")

Writer = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]


WordQuery = Annotated[str, Query(max_length=64, description="Only those of which the answer says this.")]


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
    return FailuresOut(failures=[FailureOut.of(each) for each in page.rows], next=page.next)


@router.post("/failures/{number}/try-again", status_code=202)
def retry(number: FailureNumber, session: Writing, at: Now, caller: Writer) -> FailureOut:
    """Have a thing tried at once; the answer is its failure as it was. Scope campaigns:write."""
    return FailureOut.of(try_again(session, caller.member, number, at=at))
