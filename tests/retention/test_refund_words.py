"""Words of refunds, as columns of after-sales states and states of orders have them."""

import pytest

from retention.ingest.orders.refund_words import ALL_BACK, NOTHING_BACK, PART_BACK, what_went_back
from retention.ingest.orders.statuses import status_of
from tests.retention.makers import Ask, Load

NOTHING = """
无售后 / 无售后或售后取消 / 无售后或售后关闭 / 没有申请退款 / 未申请退款 / 未退款 / 无需退款 / 无退款
退款中 / 退款关闭
退款失败 / 取消退款 / 已申请退款 / 等待退货 / 等待收货 / 买家申请退款，待商家处理 / 退货退款，待商家处理 / 平台处理中
商家同意退款，退款中 / 驳回退款，待买家处理 / 已同意退货退款,待用户发货 / 平台拒绝退款，退款关闭 / 买家撤销
买家逾期未处理，退款失败 / 买家逾期，超过有效期 / 换货 / 换货补寄成功 / 换货补寄失败 / 待商家同意维修 / 维修成功
已同意拒收退款，待用户拒收 / 补寄待商家发货 / 买家已退货，等待卖家确认收货 / 卖家拒绝确认收货 / 同意退款，待打款
退货完成，待退款 / 商家逾期未退款 / 用户取消申请 / 售后关闭 / 售后处理中 / 拒绝售后申请 / 同意退款，退款失败 / 补发
全额退款中 / 全额退款失败 / 部分退款中 / 部分退款失败 / 部分退款申请中 / 部分到货 / 退貨處理中 / 退款關閉 / 申請退款
refund requested / refund pending / refund declined / refund cancelled / WAIT_SELLER_AGREE
SELLER_REFUSE_BUYER / CLOSED
no / none / - / NOT_REFUNDED / No refund / return failed / REFUNDING / partially refunded (pending) / to be refunded
Erstattung beantragt / Rückerstattung abgelehnt / remboursement demandé / reembolso pendiente / Reembolso em análise
rimborso richiesto / terugbetaling aangevraagd / 返金申請中 / 返品なし / 환불 요청 / возврат ожидает
"""
IN_PART = """
部分退款 / 部分退款成功 / 部分退货 / 部分退款／退货 / 部分退货|退款 / 部分退款-退货 / 部分退款(退货) / 退款成功(部分)
已部分退款 / 部分退貨退款 / 退差价 / 退运费 / 价保 / partially refunded / partially refunded|returned
partially refunded - returned / partially refunded (returned) / [partially] refunded|returned / partial refund|return
Refunded in part / part-refunded / partiellement remboursé|retourné / remboursée en partie / Teilerstattung
teilweise erstattet|retourniert / anteilig erstattet / reembolsado en parte / devolución parcial|reembolso
parcialmente devolvido / rimborsato in parte / gedeeltelijk terugbetaald / częściowo zwrócono / частично возвращён
一部返金|返品 / 부분 환불 / 일부 환불 / sebagian dikembalikan / hoàn tiền một phần / คืนเงินบางส่วน / delvis återbetald
"""
ALL = """
退款成功 / 退款完成 / 已退款 / 未发货，退款成功 / 未发货退款成功 / 同意退款，退款成功 / 全额退款 / 全额退款成功
已全额退款
全部退款 / 已退货 / 退货退款完成 / 售后完成 / 换货转退款成功 / 已退貨 / 全額退款 / 退款成功，交易关闭 / refunded
Fully Refunded / Refund completed / refund issued / Refund processed / returned and refunded / SUCCESS / erstattet
remboursé / reembolsado / rimborsato / terugbetaald / zwrócono / возвращен / 返金済み / 환불 완료 / permintaan disetujui
đã hoàn tiền / คืนเงินแล้ว / 仅退款 / 退货退款 / 退货|退款 / 普通退货 / 拒收退货 / 退款不退货 / 未发货仅退款 / 退款
未收到货仅退款 / 已完成 / refund only / return and refund / Rückerstattung / 返品
"""
UNKNOWN = "审核通过 / refund approved / 寄存 / Hoàn thành / banana"


@pytest.mark.parametrize(
    ("words", "says"), [(NOTHING, NOTHING_BACK), (IN_PART, PART_BACK), (ALL, ALL_BACK), (UNKNOWN, None)]
)
def test_words_of_refunds_say_what_went_back(words: str, says: int | None) -> None:
    found = {word: what_went_back(word) for word in _listed(words)}
    assert {word: back for word, back in found.items() if back != says} == {}


STATES = {
    "paid": """
partially refunded|returned / partially refunded - returned / partially refunded (returned) / partial refund|return
returned|partially refunded / 部分退款|退货 / 部分退货|退款 / 部分退款（退货） / 已发货，部分退款|退货
Fulfilled, part-refunded
teilweise erstattet|retourniert / partiellement remboursé|retourné / reembolso|devolución parcial / 一部返金|返品
parzialmente rimborsato|reso / gedeeltelijk terugbetaald|geretourneerd / częściowo zwrócono / 부분 환불|반품
refund requested / return cancelled / 退款申请中 / 换货中 / 售后处理中 / 未发货，退款中 / Selesai / Hoàn thành
""",
    "returned": """
部分发货，退款成功 / 部分发货退款成功 / partially shipped|refunded / Partially shipped - refunded / refunded|returned
partially refunded, fully refunded / refund completed / cancelled - refunded
""",
    "cancelled": "cancelled - no refund / Cancelled, not refunded",
    None: "仅退款 / refund approved / cancelled without refund / 寄存",
}


def test_states_of_orders_that_speak_of_refunds_are_known_by_the_same_words() -> None:
    found = {word: (status_of(word, {}), state) for state, words in STATES.items() for word in _listed(words)}
    assert {word: pair for word, pair in found.items() if pair[0] != pair[1]} == {}


def test_mere_kind_of_refund_counts_as_paid_and_is_told_and_a_person_may_say_otherwise(load: Load, ask: Ask) -> None:
    content = """order_id,buyer_id,paid_at,amount,售后状态,退款金额
1,a,2026-03-05,10,仅退款,\n2,b,2026-03-05,10,退货退款,4\n3,c,2026-03-05,10,仅退款,0\n4,d,2026-03-05,10,审核通过,
5,e,2026-03-05,10,退款成功,\n"""
    backs = "SELECT external_id, refunded FROM orders ORDER BY external_id"
    report = load(content)
    assert (report.accepted, report.rejected) == (4, 1)
    assert ask(backs) == [("1", 1000), ("2", 400), ("3", 0), ("5", 1000)]
    told = [note.split(" and not")[0] for note in report.notes if "kind of refund" in note]
    assert told == ["1 row says '仅退款' of its refund, which is a kind of refund"]
    assert any("'审核通过' stands in 1 row and is unknown" in note and "=refunded" in note for note in report.notes)
    load(content, statuses={"仅退款": "paid", "审核通过": "refunded"}, source="other")
    assert ask(backs.replace("ORDER", "WHERE source = 'other' ORDER")) == [
        ("1", 0), ("2", 400), ("3", 0), ("4", 1000), ("5", 1000),
    ]  # fmt: skip


def _listed(words: str) -> list[str]:
    return [word.strip().replace("|", "/") for line in words.strip().splitlines() for word in line.split(" / ")]
