"""Status words a shop has given a meaning: remembered with an import or said by themselves, listed, and removed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit
from retention.access import Member, Scope
from retention.database import ShopRow
from retention.errors import Invalid, NotFound
from retention.i18n import gettext_noop
from retention.ingest.cells.words import fold
from retention.ingest.journals.erasing import naming_of
from retention.ingest.options import check_meaning
from retention.ingest.orders.statuses import MEANINGS
from retention.paging import Page, Wanted, page_of
from retention.privacy.personal import PersonKeys, at_erasure

LONGEST_WORD = 200

NO_MEANING = gettext_noop("The status {word} has been given no meaning.")


class StatusWord(ShopRow, table=True):
    """What a status word means in the files of one shop; `word` is compared, `written` is shown."""

    __tablename__ = "status_words"
    __table_args__ = (UniqueConstraint("shop_id", "word"),)

    word: str = Field(max_length=LONGEST_WORD)
    written: str = Field(max_length=LONGEST_WORD)
    meaning: str = Field(max_length=16)
    at: datetime


def remember_words(session: Session, shop_id: int, statuses: Mapping[str, str], *, at: datetime) -> None:
    """Keep what a person said of status words; a word said before gets the new meaning."""
    known = {each.word: each for each in words_of(session, shop_id)}
    for written, meaning in statuses.items():
        word, shown = fold(written)[:LONGEST_WORD], written[:LONGEST_WORD]
        row = known.get(word) or StatusWord(shop_id=shop_id, word=word, written=shown, meaning=meaning, at=at)
        if word not in known or row.meaning != meaning:
            row.meaning, row.at = meaning, at
            session.add(row)
    session.flush()


def words_of(session: Session, shop_id: int) -> Sequence[StatusWord]:
    """Return the words a shop has given a meaning."""
    return session.exec(select(StatusWord).where(StatusWord.shop_id == shop_id).order_by(col(StatusWord.word))).all()


def states_of(session: Session, shop_id: int) -> dict[str, str]:
    """Return the folded words of a shop and the states they mean."""
    return {each.word: MEANINGS[each.meaning] for each in words_of(session, shop_id)}


def page_of_words(session: Session, member: Member, wanted: Wanted) -> Page[StatusWord]:
    """Return a page of the words the member's shop has given a meaning, in the order in which they were first given."""
    member.require(Scope.IMPORTS_WRITE)
    return page_of(session, select(StatusWord).where(StatusWord.shop_id == member.shop_id), wanted, StatusWord.id)


def say_word(session: Session, member: Member, word: str, meaning: str, *, at: datetime) -> StatusWord:
    """Say what a status word means in the files of the shop, in place of what was said before.

    Invalid for a word that is blank or too long, and for a meaning there is not.
    """
    member.require(Scope.IMPORTS_WRITE)
    word = word.strip()
    if not fold(word) or len(word) > LONGEST_WORD:
        raise Invalid("A status word has 1 to {most} characters.", most=LONGEST_WORD, field="word")
    check_meaning(word, meaning)
    before = _row_of(session, member, word)
    earlier = {"word": before.written, "meaning": before.meaning} if before else None
    remember_words(session, member.shop_id, {word: meaning}, at=at)
    row = _row_of(session, member, word)
    if row is None:
        raise NotFound(NO_MEANING, word=repr(word))
    change = {"before": earlier, "after": {"word": row.written, "meaning": meaning}}
    audit.record(
        session, member.shop_id, member.actor, action="status.say", subject=f"status:{row.id}", **change, at=at
    )
    return row


def _row_of(session: Session, member: Member, word: str) -> StatusWord | None:
    found = select(StatusWord).where(StatusWord.shop_id == member.shop_id, StatusWord.word == fold(word))
    return session.exec(found).first()


def forget_word(session: Session, member: Member, word: str, *, at: datetime) -> None:
    """Remove what a word was said to mean; NotFound when nothing was."""
    member.require(Scope.IMPORTS_WRITE)
    row = _row_of(session, member, word)
    if row is None:
        raise NotFound(NO_MEANING, word=repr(word))
    _forget(session, member, row, at)


def forget_numbered(session: Session, member: Member, number: int, *, at: datetime) -> None:
    """Remove a word by its number; NotFound when the shop has none of that number."""
    member.require(Scope.IMPORTS_WRITE)
    row = session.get(StatusWord, number)
    if row is None or row.shop_id != member.shop_id:
        raise NotFound("No status word has the number {number}.", number=number)
    _forget(session, member, row, at)


def _forget(session: Session, member: Member, row: StatusWord, at: datetime) -> None:
    before = {"word": row.written, "meaning": row.meaning}
    audit.record(
        session, member.shop_id, member.actor, action="status.forget", subject=f"status:{row.id}", before=before, at=at
    )
    session.delete(row)
    session.flush()


@at_erasure
def _forget_words(session: Session, shop_id: int, who: PersonKeys) -> Iterable[str]:
    """Forget the words that name a person: in a file that says them again they are asked about again."""
    naming = naming_of(session, who)
    for word in words_of(session, shop_id):
        if naming.search(word.written):
            session.delete(word)
    session.flush()
    return ()
