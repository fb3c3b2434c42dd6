"""Order statuses of shops and platforms, mapped to our four."""

from retention.orders import OrderStatus

_WORDS = {
    OrderStatus.PLACED: (
        "placed", "pending", "unpaid", "on-hold", "on hold", "pending payment", "awaiting payment", "authorized",
        "checkout-draft", "partially_paid", "draft", "等待买家付款", "未付款", "待付款", "待支付", "未支付",
        "买家未付款", "等待付款", "付款确认中", "定金已付尾款未付",
    ),
    OrderStatus.PAID: (
        "paid", "completed", "complete", "processing", "shipped", "delivered", "fulfilled", "partially_refunded",
        "partially refunded", "success", "finished", "交易成功", "买家已付款等待卖家发货",
        "买家已付款，等待卖家发货",
        "卖家已发货等待买家确认", "卖家已发货，等待买家确认", "等待买家确认收货", "等待卖家发货", "已付款",
        "已支付", "待发货",
        "已发货", "待收货", "已收货", "已签收", "已完成", "完成", "部分退款", "卖家部分发货", "双方已评", "待评价",
    ),
    OrderStatus.CANCELLED: (
        "cancelled", "canceled", "voided", "void", "failed", "expired", "交易关闭", "已取消", "取消", "已关闭",
        "交易取消", "订单取消", "订单关闭", "付款以前，卖家或买家主动关闭交易", "付款以前,卖家或买家主动关闭交易",
        "卖家关闭交易", "买家关闭交易",
    ),
    OrderStatus.RETURNED: (
        "returned", "refunded", "return", "chargeback", "付款以后用户退款成功，交易自动关闭",
        "付款以后用户退款成功,交易自动关闭", "退款成功", "已退款", "全额退款", "已退货", "退货退款成功",
    ),
}  # fmt: skip

STATUSES = {word: status.value for status, words in _WORDS.items() for word in words}
STATUSES |= {
    f"wc-{word}": STATUSES[word]
    for word in ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
}
"""The words in lower case, and the state each means."""

SHIPPED = frozenset(
    ("shipped", "delivered", "fulfilled", "completed", "complete", "交易成功", "卖家已发货等待买家确认",
     "卖家已发货，等待买家确认", "等待买家确认收货", "已发货", "待收货", "已收货", "已签收", "已完成", "完成",
     "双方已评",
     "待评价")
)  # fmt: skip
"""Words that also say the parcel has left."""
