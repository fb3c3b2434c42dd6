"""How far each shop's orders have been matched with its coupons, so that unchanged shops are skipped.

Orders have a version that every import raises. What a person or a checkout does with a coupon asks for it again
(`ask_to_match`), which is one indexed read as long as the last asking was not answered.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col

from retention.database import BigId, insert

ASKED = -1
"""As the version that was seen: somebody asked for another matching."""


class MatchMark(SQLModel, table=True):
    """One shop's last matching: the orders' version it saw. `again_at` is when time alone makes another one needed.

    `begun_at` stands while one goes on, or after one that did not come to its end.
    """

    __tablename__ = "match_marks"

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    seen: int
    looked_at: datetime
    begun_at: datetime | None = None
    again_at: datetime | None = None


def ask_to_match(session: Session, shop_id: int) -> None:
    """Say that a coupon of this shop changed hands; call it in the transaction that changes it, after that."""
    session.connection().execute(_ASK, {"shop": shop_id})


def begin_matching(session: Session, shop_id: int, *, seen: int, at: datetime) -> None:
    """Say that a matching begins that sees this version of the orders."""
    values = {"seen": seen, "looked_at": at, "begun_at": at, "again_at": None}
    row = insert(session, MatchMark).values(shop_id=shop_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["shop_id"], set_=values))


def end_matching(session: Session, shop_id: int, *, again_at: datetime | None) -> None:
    """Say that it came to its end."""
    ended = sa.update(MatchMark).where(col(MatchMark.shop_id) == shop_id)
    session.execute(ended.values(begun_at=None, again_at=again_at))


# Made once, past the session's own bookkeeping: every claim and redemption runs it.
_ASK = (
    sa.update(MatchMark)
    .where(col(MatchMark.shop_id) == sa.bindparam("shop"), col(MatchMark.seen) != ASKED)
    .values(seen=ASKED)
)
