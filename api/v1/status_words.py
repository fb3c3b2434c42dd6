"""Status words: what the words of order files mean in this shop; imports know them without being told again."""

from typing import Annotated

from pydantic import Field

from api.deps import Now, Reading, Writing
from api.shapes.imports import StatusWordOut, StatusWordsOut
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged
from api.v1.parameters import StatusNumber
from api.v1.routing import router_for
from retention.access import Scope
from retention.ingest.orders.status_words import LONGEST_WORD, forget_numbered, page_of_words, say_word

router = router_for("status_words")

Writer = Annotated[Caller, caller_with(Scope.IMPORTS_WRITE)]


class StatusWordIn(Input):
    """What a status word means."""

    word: str = Field(max_length=LONGEST_WORD, description="The word as files have it; case does not matter.")
    meaning: str = Field(max_length=20, description="One of paid, unpaid, cancelled, refunded, ignore.")


@router.get("/status-words")
def list_all(session: Reading, caller: Writer, wanted: Paged) -> StatusWordsOut:
    """List the status words the shop has given a meaning. Scope imports:write."""
    page = page_of_words(session, caller.member, wanted)
    return StatusWordsOut(statuses=[StatusWordOut.of(each) for each in page.rows], next=page.next)


@router.post("/status-words", status_code=201)
def say(sent: StatusWordIn, session: Writing, at: Now, caller: Writer) -> StatusWordOut:
    """Say what a status word means, in place of what was said before. Scope imports:write.

    Imports from now on know it; orders that were imported before stay as they are until their file is imported again.
    """
    return StatusWordOut.of(say_word(session, caller.member, sent.word, sent.meaning, at=at))


@router.delete("/status-words/{number}", status_code=204)
def forget(number: StatusNumber, session: Writing, at: Now, caller: Writer) -> None:
    """Remove what a status word was said to mean; the next import asks again. Scope imports:write."""
    forget_numbered(session, caller.member, number, at=at)
