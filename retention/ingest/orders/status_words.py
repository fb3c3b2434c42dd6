"""Status words a shop has given a meaning: remembered with an import, listed, and removed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit
from retention.access import Member, Scope
from retention.database import ShopRow
from retention.errors import NotFound
from retention.ingest.cells.words import fold
from retention.ingest.orders.statuses import MEANINGS


class StatusWord(ShopRow, table=True):
    """What a status word means in the files of one shop; `word` is compared, `written` is shown."""

    __tablename__ = "status_words"
    __table_args__ = (UniqueConstraint("shop_id", "word"),)

    word: str = Field(max_length=200)
    written: str = Field(max_length=200)
    meaning: str = Field(max_length=16)
    at: datetime


def remember_words(session: Session, shop_id: int, statuses: Mapping[str, str], *, at: datetime) -> None:
    """Keep what a person said of status words; a word said before gets the new meaning."""
    known = {each.word: each for each in words_of(session, shop_id)}
    for written, meaning in statuses.items():
        word = fold(written)[:200]
        row = known.get(word) or StatusWord(shop_id=shop_id, word=word, written=written[:200], meaning=meaning, at=at)
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


def forget_word(session: Session, member: Member, word: str, *, at: datetime) -> None:
    """Remove what a word was said to mean; NotFound when nothing was."""
    member.require(Scope.IMPORTS_WRITE)
    found = select(StatusWord).where(StatusWord.shop_id == member.shop_id, StatusWord.word == fold(word))
    row = session.exec(found).first()
    if row is None:
        raise NotFound("The status {word} has been given no meaning.", word=repr(word))
    before = {"word": row.written, "meaning": row.meaning}
    audit.record(
        session, member.shop_id, member.actor, action="status.forget", subject=f"status:{row.id}", before=before, at=at
    )
    session.delete(row)
    session.flush()
