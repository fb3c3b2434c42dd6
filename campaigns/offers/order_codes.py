"""The codes that orders carry, as they were typed or exported: any case and spacing, several in one field too."""

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.offers.coupons import Coupon
from retention.database import is_postgresql
from retention.orders import Order
from retention.tokens import typed_signs

_SIGNS = typed_signs() | dict.fromkeys(
    ";+|/&、，；\n\r\t", ","
)  # commas between several codes; blanks and dashes are inside one


def codes_of_orders(session: Session, *where: sa.ColumnElement[bool]) -> sa.Subquery:
    """Return (id, source, external_id, ordered_at, code), one row for each code of each order that meets `where`."""
    typed = _typed()
    if is_postgresql(session):
        each = sa.func.unnest(sa.func.string_to_array(typed, ",")).table_valued("value").render_derived()
    else:
        listed = sa.func.replace(sa.func.json_quote(typed), ",", '","')
        each = sa.func.json_each("[" + listed + "]").table_valued("value")
    order = (col(Order.id), col(Order.source), col(Order.external_id), col(Order.ordered_at))
    # The function reads the order beside it, which is why the join has no condition.
    carried = sa.select(*order, sa.cast(each.c.value, sa.Text).label("code")).join(each, sa.true())
    return carried.where(col(Order.coupon_code) != "", *where).subquery()


def carries_its_code(session: Session) -> sa.ColumnElement[bool]:
    """Return the condition that an order carries the code of the coupon beside it in the query."""
    position = sa.func.strpos if is_postgresql(session) else sa.func.instr
    return position("," + _typed() + ",", "," + col(Coupon.code) + ",") > 0


def _typed() -> sa.ColumnElement[str]:
    """Return an order's codes as `retention.tokens.read_code` reads each of them, with commas between."""
    signs = sorted(_SIGNS, key=lambda sign: not _SIGNS[sign])  # those without a counterpart last: they are left out
    return sa.func.translate(
        sa.func.upper(col(Order.coupon_code)), "".join(signs), "".join(_SIGNS[sign] for sign in signs)
    )
