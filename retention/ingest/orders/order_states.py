"""The state of an order: from its rows, from the time it was cancelled, from what a refund column says.

States are numbers in the order in which an order comes by them, so that the later of two states is the larger. Rows of
the last one, `NO_ORDER`, are left out.
"""

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.orders.part_refunds import OPEN, PART
from retention.ingest.orders.statuses import IGNORED
from retention.orders import OrderStatus

PLACED, PAID, CANCELLED, RETURNED, NO_ORDER = 1, 2, 3, 4, 5
ORDER = {
    OrderStatus.PLACED.value: PLACED,
    OrderStatus.PAID.value: PAID,
    OrderStatus.CANCELLED.value: CANCELLED,
    OrderStatus.RETURNED.value: RETURNED,
}
_WORDS = {number: word for word, number in ORDER.items()}

NOTHING_BACK, PART_BACK, ALL_BACK = 0, 1, 2
_REFUND_WORDS = (  # the first that fits; as Taobao, JD, Pinduoduo, Douyin, Youzan, Shopee and shop systems write them
    (rf"(?:{PART}).*(?:{OPEN})|(?:{OPEN}).*(?:{PART})", NOTHING_BACK),
    (PART, PART_BACK),
    (r"未退|无退|没有退|无售后|无申请|^无$|^none$|^no$|^否$|^-$|not.?(?:refunded|requested)|no.?refund", NOTHING_BACK),
    (r"退款成功|退款完成|已退款|全额退|全部退|退货成功|退款退货成功|退货退款成功|退货退款完成|已退货", ALL_BACK),
    (r"^(?:fully.?|full.?)?(?:refunded|returned)(?:.?full.?)?$|refund.?(?:success|succeeded|completed?)", ALL_BACK),
    (r"^(?:full|complete|succeeded|success|true|yes|是|退款)$", ALL_BACK),
    (  # Shopee: a request that was approved, as public readers of its Indonesian and Thai files count it
        (
            r"request (?:approved|accepted)|permintaan disetujui|คำขอได้รับการยอมรับ|đã chấp thuận yêu cầu"
            r"|solicitação aprovada|^reembols|^devolvid"
        ),
        ALL_BACK,
    ),
    (r"menunggu|diproses|ditolak|dibatalkan|ยกเลิก|ปฏิเสธ|รอ|กำลัง|chờ|đang|từ chối|đã h[ủu][yỷ]", NOTHING_BACK),
    (r"em análise|aguardando|pendente|cancelad|recusad|rejeitad|solicitaç|處理|拒絕|撤銷|關閉|協商|審核", NOTHING_BACK),
    (
        r"中$|中[，,]|待|等待|取消|关闭|撤销|拒绝|驳回|失败|换货|补寄|补发|维修|处理|申请|协商|同意|介入|未",
        NOTHING_BACK,
    ),
    (r"pending|request|process|open|reject|denied|declin|cancel|clos|fail|await|exchange|false", NOTHING_BACK),
    (r"售后完成|售后成功", ALL_BACK),
)

_OF_REFUNDS = r"退|售后|refund|return|erstatt|rembours|reembols|rimbors"
"""Words of a status that speak of a refund at all."""

_NOTHING_SAID = pl.Series("refund_state", [None], pl.Int8)


def states(status: pl.Series, cancelled_at: pl.Series) -> pl.Series:
    """Return states as numbers; an order that was cancelled at some time is cancelled, unless all of it went back."""
    found = status.replace_strict({**ORDER, IGNORED: NO_ORDER}, default=None, return_dtype=pl.Int8)
    if cancelled_at.null_count() == len(cancelled_at):
        return found
    cancelled = cancelled_at.is_not_null() & (found.fill_null(PAID) < CANCELLED)
    return pl.select(pl.when(cancelled).then(pl.lit(CANCELLED, pl.Int8)).otherwise(found)).to_series()


def status_words(state: pl.Expr) -> pl.Expr:
    """Return the words of states."""
    return state.replace_strict(_WORDS, default=None, return_dtype=pl.String)


def read_refund_states(rows: Rows) -> pl.Series:
    """Return what a column such as 售后状态 says went back: nothing, a part, all; an unknown word is refused.

    Where it says nothing, the order's status may say that none did: 退款中, 退款关闭.
    """
    cells = rows.cells("refund_status")
    found = _meanings(cells)
    wrong = cells.is_not_null() & found.is_null()
    message = gettext_noop("{field} {value} is unknown; known are {known}")
    some = "退款成功, 部分退款, 退款中, 无售后, refunded, partially refunded, none"
    rows.refuse(wrong, message, cells, field="refund_status", known=some)
    return found.fill_null(_refunds_under_way(rows.cells("status")))


def _refunds_under_way(status: pl.Series) -> pl.Series:
    """Return where a status says that a refund was asked for and nothing went back."""
    speaks = status.unique().drop_nulls()
    speaks = speaks.filter(speaks.str.to_lowercase().str.contains(_OF_REFUNDS))
    if speaks.is_empty():
        return _NOTHING_SAID.new_from_index(0, len(status))
    known = speaks.to_frame("word").with_columns(said=_meanings(speaks)).filter(said=NOTHING_BACK)
    return status.replace_strict(known["word"], known["said"], default=None, return_dtype=pl.Int8)


def _meanings(cells: pl.Series) -> pl.Series:
    words = cells.unique().drop_nulls()
    if words.is_empty():
        return _NOTHING_SAID.new_from_index(0, len(cells))
    meaning = pl.lit(None, pl.Int8)
    for pattern, means in reversed(_REFUND_WORDS):
        fits = pl.col("word").str.to_lowercase().str.contains(pattern)
        meaning = pl.when(fits).then(pl.lit(means, pl.Int8)).otherwise(meaning)
    known = words.to_frame("word").with_columns(refund_state=meaning)
    return cells.to_frame("word").join(known, on="word", how="left", maintain_order="left")["refund_state"]
