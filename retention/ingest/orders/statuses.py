"""Order statuses of shops and platforms: one table of words, and what each means for us.

Words are compared without case, width, blanks and punctuation and without WooCommerce's `wc-`. A status of several
words (已发货，待签收; 未发货，退款成功) is what its weightiest word says. A shop may give further words a meaning.
"""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from retention.i18n import gettext_noop, ngettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.words import fold, parts_of
from retention.ingest.orders.refund_words import ALL_BACK, said_of, went_back_of_order
from retention.orders import OrderStatus

IGNORED = "ignored"
"""The state of orders that are left out: parts of another order, tests."""

MEANINGS = {
    "paid": OrderStatus.PAID.value,
    "unpaid": OrderStatus.PLACED.value,
    "cancelled": OrderStatus.CANCELLED.value,
    "refunded": OrderStatus.RETURNED.value,
    "ignore": IGNORED,
}
"""What a person may say of a word, and the state it stands for."""

_UNPAID, _PAID, _CANCELLED, _REFUNDED = "unpaid", "paid", "cancelled", "refunded"

_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    # What shops write by themselves.
    "generic": {
        _UNPAID: ("placed", "pending", "unpaid", "not paid", "awaiting payment", "waiting for payment", "new",
                  "open invoice",
                  "未付款", "待付款", "待支付", "未支付", "买家未付款", "等待付款", "付款中", "待确认付款"),
        _PAID: ("paid", "paid and shipped", "success", "successful", "finished", "done", "shipped", "delivered",
                "completed", "complete", "in transit", "out for delivery", "ready to ship", "picked up",
                "已付款", "已支付", "支付成功", "待发货", "未发货", "已发货", "待收货", "已收货", "待签收", "已签收",
                "已完成",
                "完成", "部分退款", "部分发货", "待评价", "已评价", "退款中", "售后中", "退款失败", "退款关闭",
                "退款取消", "处理中", "正在处理", "配送中", "运输中", "待自提", "已自提", "待核销", "已核销"),
        _CANCELLED: ("cancelled", "canceled", "void", "voided", "failed", "expired", "declined", "deleted", "trash",
                     "已取消", "取消", "已关闭", "交易取消", "订单取消", "订单关闭", "关闭", "已作废", "作废",
                     "已删除",
                     "支付失败", "失败"),
        _REFUNDED: ("returned", "refunded", "refund", "return", "chargeback", "fully refunded", "退款成功", "已退款",
                    "全额退款", "已退货", "退货退款成功", "退款完成", "已全额退款", "退货成功"),
    },
    # shopify.dev: OrderDisplayFinancialStatus, OrderDisplayFulfillmentStatus.
    "Shopify": {
        _UNPAID: ("pending", "authorized", "partially_paid", "unpaid", "on_hold"),
        _PAID: ("paid", "partially_refunded", "fulfilled", "unfulfilled", "partial", "partially_fulfilled",
                "in_progress", "scheduled", "pending_fulfillment"),
        _CANCELLED: ("voided", "expired"),
        _REFUNDED: ("refunded", "restocked"),
    },
    # WooCommerce: wc_get_order_statuses(), with the translations of its language packs.
    "WooCommerce": {
        _UNPAID: ("pending", "pending payment", "on-hold", "checkout-draft", "draft", "en attente de paiement",
                  "en attente", "brouillon", "zahlung ausstehend", "in wartestellung", "pendiente de pago",
                  "en espera",
                  "borrador", "in attesa di pagamento", "in sospeso"),
        _PAID: ("processing", "completed", "en cours", "terminée", "terminé", "in bearbeitung", "abgeschlossen",
                "fertiggestellt", "procesando", "completado", "in lavorazione", "completato"),
        _CANCELLED: ("cancelled", "failed", "annulée", "échouée", "échec", "storniert", "fehlgeschlagen", "cancelado",
                     "fallido", "annullato", "fallito"),
        _REFUNDED: ("refunded", "remboursée", "rückerstattet", "erstattet", "reembolsado", "rimborsato"),
    },
    # Adobe Commerce user guide, "Order status"; `closed` is an order with a credit memo over all of it.
    "Magento": {
        _UNPAID: ("pending", "pending_payment", "payment_review", "pending_paypal", "holded", "on hold",
                  "suspected fraud", "fraud", "new"),
        _PAID: ("processing", "complete", "paypal_canceled_reversal"),
        _CANCELLED: ("canceled",),
        _REFUNDED: ("closed", "paypal_reversed"),
    },
    # PrestaShop: install-dev/langs/{en,fr,de,es,it}/data/order_state.xml, and the words of earlier versions. "In attesa
    # di rifornimento" stands there for a paid and for an unpaid order, so that it has to be said.
    "PrestaShop": {
        _UNPAID: ("awaiting check payment", "awaiting bank wire payment", "awaiting bank wire",
                  "awaiting cash on delivery validation", "awaiting paypal payment", "on backorder (not paid)",
                  "en attente du paiement par chèque", "en attente de virement bancaire",
                  "en attente de paiement à la livraison", "en attente de réapprovisionnement (non payé)",
                  "warten auf zahlungseingang scheck", "warten auf zahlungseingang banküberweisung",
                  "warten auf zahlungseingang", "en espera de pago por cheque",
                  "en espera de pago por transferencia bancaria", "in attesa di pagamento con assegno",
                  "in attesa di pagamento con bonifico bancario", "in attesa di pagamento con paypal",
                  "awaiting cod validation", "en attente de paiement par chèque", "en attente de paiement paypal",
                  "en cours de réapprovisionnement", "warten auf zahlungseingang von bank",
                  "warten auf zahlungseingang von paypal", "artikel nicht auf lager", "pago mediante cheque pendiente",
                  "pago por transferencia bancaria pendiente", "pago mediante paypal pendiente", "pedido en espera"),
        _PAID: ("payment accepted", "remote payment accepted", "processing in progress", "preparation in progress",
                "on backorder (paid)", "paiement accepté", "paiement à distance accepté", "en cours de préparation",
                "expédié", "livré", "en attente de réapprovisionnement (payé)", "zahlung eingegangen", "versandt",
                "versendet", "geliefert", "zugestellt", "bestellung in bearbeitung", "pago aceptado",
                "preparación en curso", "enviado", "entregado", "pagamento accettato", "preparazione in corso",
                "spedito", "consegnato", "bestellung versandt", "bestellung ausgeliefert",
                "artikel nicht auf lager (bezahlt)", "zahlung ausserhalb von prestashop eingegangen",
                "preparación en proceso", "pago a distancia aceptado", "consegna in corso"),
        _CANCELLED: ("payment error", "annulé", "erreur de paiement", "fehler bei der bezahlung", "error en pago",
                     "errore di pagamento", "bestellung storniert", "error en el pago"),
        _REFUNDED: ("remboursé", "remboursement", "zahlung erstattet", "reembolso"),
    },
    # Odoo: sale.order, field `state`, with its labels in English, French, German, Spanish, Italian, Chinese.
    "Odoo": {
        _UNPAID: ("draft", "quotation", "sent", "quotation sent", "devis", "devis envoyé", "angebot",
                  "angebot gesendet", "presupuesto", "presupuesto enviado", "cotización", "cotización enviada",
                  "preventivo", "preventivo inviato", "报价单", "报价", "已发送报价单", "报价已发送"),
        _PAID: ("sale", "sales order", "locked", "done", "bon de commande", "verrouillé", "verkaufsauftrag",
                "gesperrt", "pedido de venta", "orden de venta", "bloqueado", "ordine di vendita", "bloccato",
                "销售订单", "已锁定"),
        _CANCELLED: ("cancel", "abgebrochen"),
    },
    # Selling Partner API, Orders: OrderStatus; order reports add what became of the parcel behind a dash.
    "Amazon": {
        _UNPAID: ("pending", "pendingavailability"),
        _PAID: ("unshipped", "partiallyshipped", "shipped", "invoiceunconfirmed", "shipping",
                "pending - waiting for pick up", "shipped - delivered to buyer", "shipped - picked up",
                "shipped - out for delivery", "shipped - lost in transit", "shipped - damaged"),
        _CANCELLED: ("canceled", "cancelled", "unfulfillable"),
        _REFUNDED: ("shipped - returned to seller", "shipped - returning to seller", "shipped - rejected by buyer"),
    },
    # Seller Hub, "Manage all orders", and Fulfillment API: OrderPaymentStatusEnum.
    "eBay": {
        _UNPAID: ("awaiting payment", "not paid", "pending", "zahlung ausstehend"),
        _PAID: ("paid", "awaiting shipment", "paid - awaiting shipment", "paid and shipped", "partially_refunded",
                "bezahlt", "versandbereit", "verschickt"),
        _CANCELLED: ("failed", "cancelled"),
        _REFUNDED: ("fully_refunded",),
    },
    # Open API v3, ShopReceipt: status.
    "Etsy": {
        _UNPAID: ("payment processing",),
        _PAID: ("paid", "completed", "partially refunded"),
        _CANCELLED: ("canceled",),
        _REFUNDED: ("fully refunded",),
    },
    # Transactions export, Event Type; Payments API: status.
    "Square": {
        _UNPAID: ("approved",),
        _PAID: ("payment", "captured", "complete", "completed"),
        _CANCELLED: ("canceled", "failed"),
        _REFUNDED: ("refund",),
    },
    # Seller Centre, My Orders, by country: English, Indonesian, Vietnamese, Thai, Portuguese, traditional Chinese.
    "Shopee": {
        _UNPAID: ("unpaid", "belum bayar", "chưa thanh toán", "chờ thanh toán", "ยังไม่ชำระ", "ที่ต้องชำระ",
                  "não pago",
                  "尚未付款"),
        _PAID: ("to ship", "ready to ship", "processed", "shipping", "shipped", "to receive", "completed",
                "to confirm receive", "order received", "delivered", "perlu dikirim", "sedang dikirim", "dikirim",
                "telah dikirim", "selesai", "chờ xác nhận", "chờ lấy hàng", "đang giao", "đã giao", "hoàn thành",
                "đã nhận được hàng", "ที่ต้องจัดส่ง", "การจัดส่ง", "กำลังจัดส่ง", "จัดส่งสำเร็จแล้ว", "สำเร็จแล้ว",
                "สำเร็จ",
                "a enviar", "para enviar", "a receber", "concluído", "待出貨", "運送中", "已完成", "待收貨"),
        _CANCELLED: ("cancelled", "batal", "dibatalkan", "đã hủy", "đã huỷ", "ยกเลิกแล้ว", "ยกเลิก", "不成立",
                     "已取消"),
        _REFUNDED: ("to return", "trả hàng/hoàn tiền", "退貨/退款", "退貨退款"),
    },
    # Open Platform, GetOrders: status of an order item; "Package Returned", "Package scrapped", "Lost by 3PL" and "In
    # Transit: Returning to seller" as the tests of a public reader of the seller's export have them.
    "Lazada": {
        _UNPAID: ("unpaid",),
        _PAID: ("packed", "topack", "toship", "ready_to_ship", "repacked", "shipped", "delivered", "confirmed",
                "lost_by_3pl", "damaged_by_3pl"),
        _CANCELLED: ("canceled", "failed_delivery", "failed"),
        _REFUNDED: ("returned", "shipped_back", "shipped_back_success", "shipped_back_failed", "package_returned",
                    "in transit: returning to seller", "package scrapped"),
    },
    # Taobao open platform, Trade.status, and the words of the seller centre.
    "Taobao, Tmall": {
        _UNPAID: ("等待买家付款", "付款确认中", "国际信用卡支付付款确认中", "定金已付尾款未付", "没有创建支付宝交易",
                  "wait_buyer_pay", "trade_no_create_pay", "pay_pending", "wait_pre_auth_confirm"),
        _PAID: ("交易成功", "买家已付款等待卖家发货", "买家已付款", "等待卖家发货", "卖家已发货等待买家确认",
                "卖家已发货",
                "等待买家确认", "等待买家确认收货", "卖家部分发货", "买家已签收", "双方已评", "卖家已评", "买家已评",
                "拼团中订单已付款但禁止发货", "wait_seller_send_goods", "seller_consigned_part",
                "wait_buyer_confirm_goods",
                "trade_buyer_signed", "trade_finished", "paid_forbid_consign"),
        _CANCELLED: ("交易关闭", "付款以前，卖家或买家主动关闭交易", "卖家关闭交易", "买家关闭交易",
                     "trade_closed_by_taobao"),
        _REFUNDED: ("付款以后用户退款成功，交易自动关闭", "trade_closed"),
    },
    # Jos open platform, order_state, and the words of the shop backend: (锁定)等待出库.
    "JD": {
        _UNPAID: ("等待付款确认", "等待付款", "not_pay"),
        _PAID: ("等待出库", "等待发货", "等待确认收货", "等待收货", "已出库", "等待打印", "锁定", "暂停", "待出库",
                "配送退货中",
                "wait_seller_stock_out", "wait_goods_receive_confirm", "finished_l", "locked", "pop_order_pause",
                "paused"),
        _CANCELLED: ("删除", "trade_canceled", "已取消"),
        _REFUNDED: ("配送退货", "delivery_return"),
    },
    # Merchant backend: order state and refund state in one cell.
    "Pinduoduo": {
        _UNPAID: ("待支付", "待成团", "待分享", "拼团中"),
        _PAID: ("待发货", "已发货", "待签收", "已签收", "已收货", "已成团", "已评价", "无售后或售后取消",
                "售后处理中"),
        _CANCELLED: ("已取消", "拼团失败", "未成团"),
        _REFUNDED: ("退款成功",),
    },
    # 抖店 open platform, order_status_desc.
    "Douyin": {
        _UNPAID: ("待确认", "待支付", "待付款"),
        _PAID: ("备货中", "部分发货", "已发货", "已完成", "在途", "待发货"),
        _CANCELLED: ("已关闭", "已取消"),
    },
    # 有赞云, youzan.trade.get: status_str; 微店 open platform: status_desc.
    "Youzan, Weidian": {
        _UNPAID: ("待付款", "待支付", "等待买家付款", "待成团"),
        _PAID: ("待接单", "待发货", "已发货", "交易完成", "交易成功", "已完成", "trade_success", "trade_paid",
                "wait_confirm",
                "wait_express", "express"),
        _CANCELLED: ("交易关闭", "已关闭", "trade_close"),
        _REFUNDED: ("全额退款", "全部退款", "退款关闭订单"),
    },
    # 聚水潭 open platform, order status, as ten public clients list it (等供销商|外仓发货: WaitOuterSent); orders that
    # were merged into another or split are not orders any more.
    "Jushuitan": {
        _UNPAID: ("待付款", "waitpay"),
        _PAID: ("发货中", "已付款待审核", "已客审待财审", "待审核", "异常", "已发货", "等供销商外仓发货", "等供销商",
                "外仓发货",
                "delivering", "sent", "waitconfirm", "waitfconfirm", "question", "waitoutersent"),
        _CANCELLED: ("取消", "被取消"),
        "ignore": ("被合并", "被拆分", "merged", "split"),
    },
    # 旺店通 open platform, trade_status 5 to 113, as eight public clients list it. 未确认 (53) and 无需处理 (115) say
    # too little outside of it.
    "Wangdiantong": {
        _UNPAID: ("未付款", "等未付", "待尾款"),
        _PAID: ("待转预订单", "前处理", "委外前处理", "待抢单", "延时审核", "预订单前处理", "预订单", "待客审",
                "待财审",
                "待递交仓库", "递交仓库中", "已递交仓库", "已确认", "已审核", "已发货", "已完成", "待转已完成",
                "待选仓", "抢单前处理", "待拣货", "待验货", "待打包", "待称重", "发货中", "发往配送中心",
                "异常发货", "部分打款", "部分结算", "已签收"),
        _CANCELLED: ("已取消",),
        _REFUNDED: ("线下退款",),
    },
}  # fmt: skip

_SHIPPED = (
    "shipped", "delivered", "fulfilled", "completed", "complete", "picked up", "in transit", "out for delivery",
    "交易成功", "交易完成", "卖家已发货等待买家确认", "卖家已发货", "等待买家确认收货", "已发货", "待收货", "已收货",
    "待签收",
    "已签收", "已完成", "完成", "双方已评", "待评价", "买家已签收", "已出库", "等待确认收货", "等待收货", "运输中",
    "配送中",
    "expédié", "livré", "versandt", "versendet", "geliefert", "zugestellt", "enviado", "entregado", "spedito",
    "consegnato", "consegna in corso", "bestellung versandt",
    "bestellung ausgeliefert", "terminée", "abgeschlossen", "completado", "shipped - delivered to buyer",
    "paid and shipped",
    "selesai", "dikirim", "sedang dikirim", "đang giao", "đã giao", "hoàn thành", "สำเร็จแล้ว", "concluído", "運送中",
    "trade_finished", "wait_buyer_confirm_goods", "trade_success",
)  # fmt: skip
"""Words that also say the parcel has left."""

_WEIGHT = (IGNORED, *(each.value for each in (
    OrderStatus.RETURNED, OrderStatus.CANCELLED, OrderStatus.PLACED, OrderStatus.PAID,
)))  # fmt: skip
"""Of several words the one first here counts."""

UNKNOWN = gettext_noop(
    "{field} {value} is unknown; say what it means with --status {value}=paid, unpaid, cancelled, refunded or ignore"
)
UNKNOWN_WORD = ngettext_noop(
    "The status {word} stands in {count} row and is unknown. Say what it means: --status {plain}=paid, unpaid, "
    "cancelled, refunded or ignore.",
    "The status {word} stands in {count} rows and is unknown. Say what it means: --status {plain}=paid, unpaid, "
    "cancelled, refunded or ignore.",
)


STATUSES = {
    fold(word): MEANINGS[meaning] for system in _WORDS.values() for meaning, words in system.items() for word in words
}
"""The words, folded, and the state each means."""

SHIPPED = frozenset(fold(word) for word in _SHIPPED)

RECEIVED = tuple(
    fold(beginning)
    for beginning in (
        "pesanan diterima, namun pembeli", "người mua xác nhận đã nhận được hàng", "ผู้ซื้อได้รับสินค้าแล้ว",
        "order received, but buyer", "buyer confirmed receipt",
    )
)  # fmt: skip
"""How Shopee's sentences begin about an order that was received and may be returned until a day that they name. The
first three as public readers of its files have them, the English ones are not verified."""


def status_of(word: str, own: Mapping[str, str]) -> str | None:
    """Return the state a word means, first as `own` words (folded, and their states); None for an unknown one."""
    if found := _state(fold(word), own):
        return found
    if fold(word).startswith(RECEIVED):
        return OrderStatus.PAID.value
    states = [_state(fold(part), own) or _state_by_refund(part) for part in said_of(word)]
    return min((each for each in states if each), key=_WEIGHT.index) if states and all(states) else None


def has_left(word: str) -> bool:
    """Tell whether a status says that the parcel has left."""
    return (
        fold(word) in SHIPPED
        or fold(word).startswith(RECEIVED)
        or any(fold(part) in SHIPPED for part in parts_of(word))
    )


def _state(folded: str, own: Mapping[str, str]) -> str | None:
    return own.get(folded) or STATUSES.get(folded)


def _state_by_refund(word: str) -> str | None:
    """Return the state of an order by what a word says of its refund: with a part, or nothing, it goes on."""
    back = went_back_of_order(word)
    if back is None:
        return None
    return OrderStatus.RETURNED.value if back == ALL_BACK else OrderStatus.PAID.value


def read_statuses(rows: Rows, own: Mapping[str, str], unknown: Counter[str]) -> pl.Series:
    """Return the state of each row; a word nobody knows is refused and counted in `unknown`."""
    cells = rows.cells("status")
    words = cells.drop_nulls().unique().to_list()
    meanings = {word: status_of(word, own) for word in words}
    found = cells.replace_strict(meanings, default=None, return_dtype=pl.String)
    refuse_unknown(rows, "status", [word for word, meaning in meanings.items() if meaning is None], UNKNOWN, unknown)
    return found.alias("status")


def refuse_unknown(rows: Rows, name: str, words: list[str], message: str, unknown: Counter[str]) -> None:
    """Refuse the rows with words nobody knows and count them in `unknown`."""
    if not words:
        return
    cells = rows.cells(name)
    wrong = cells.is_in(words).fill_null(value=False)
    for word, count in cells.filter(wrong).value_counts(sort=True).rows():
        unknown[word] += count
    rows.refuse(wrong, message, cells, field=name)


def read_has_left(rows: Rows) -> pl.Series:
    """Return which rows' status says that the parcel has left."""
    cells = rows.cells("status")
    left = [word for word in cells.drop_nulls().unique().to_list() if has_left(word)]
    return cells.is_in(left).fill_null(False)


def state_meanings(statuses: Mapping[str, str]) -> dict[str, str]:
    """Return words and what a person says they mean as folded words and states."""
    return {fold(word): MEANINGS[meaning] for word, meaning in statuses.items()}
