"""Which column of a file holds which field: explicit maps first, then the preset's names, then names everybody uses.

Headers are compared without case, blanks, dashes, underscores and brackets, so `Order ID`, `order_id` and `orderId` are
one name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from retention.errors import Invalid

Names = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class ColumnPreset:
    """Names one kind of export uses.

    `order_level` says that money columns hold the order's totals, not the line's; `after_refunds` names the amount
    columns from which refunds have been taken already.
    """

    name: str
    order_level: bool = False
    after_refunds: tuple[str, ...] = ()
    names: dict[str, Names] = field(default_factory=dict)


_BUYER = (
    "buyer_id",
    "customer_id",
    "user_id",
    "buyer",
    "customer",
    "买家会员名",
    "买家昵称",
    "会员名",
    "买家ID",
    "客户ID",
)
_BUYER_NAME = ("buyer_name", "customer_name", "full_name", "收货人姓名", "收货人", "姓名")
_PHONE = ("phone", "mobile", "phone_number", "联系手机", "手机号", "手机", "手机号码", "联系电话", "电话")
_EMAIL = ("email", "email_address", "邮箱", "电子邮箱", "电子邮件")
_WAYBILL = ("waybill", "tracking_number", "物流单号", "运单号", "快递单号", "运单号码")
_SKU = ("sku", "sku_id", "product_id", "stock_code", "item_code", "商家编码", "商品编码", "货号", "商品ID", "宝贝ID")
_TITLE = ("title", "product", "product_name", "description", "item_name", "宝贝标题", "商品名称", "商品标题", "标题")
_CATEGORY = ("category", "类目", "商品类目", "分类", "品类")
_COUNTRY = ("country", "shipping_country", "国家")
_REGION = ("region", "province", "state", "省份", "省", "收货省份")
_CITY = ("city", "城市", "市", "收货城市")

KINDS: dict[str, Names] = {
    "orders": {
        "order_id": ("order_id", "order_no", "order_number", "invoice", "invoice_no", "订单编号", "订单号",
                     "主订单编号"),
        "buyer_id": _BUYER,
        "paid_at": (
            "paid_at", "payment_time", "date_paid", "paid_date", "订单付款时间", "付款时间", "付款日期", "支付时间",
            "date", "order_date", "invoice_date", "日期",
        ),
        "placed_at": ("placed_at", "created_at", "订单创建时间", "下单时间", "创建时间", "拍下时间", "下单日期"),
        "status": ("status", "order_status", "订单状态", "交易状态", "状态"),
        "sku": _SKU,
        "title": _TITLE,
        "category": _CATEGORY,
        "quantity": ("quantity", "qty", "宝贝总数量", "购买数量", "商品数量", "数量"),
        "unit_price": ("unit_price", "price", "单价", "商品单价", "价格"),
        "amount": (
            "amount", "line_total", "买家实际支付金额", "实付金额", "支付金额", "实际支付金额", "实收金额", "金额",
            "买家应付货款", "总金额",
        ),
        "order_total": ("order_total", "total", "订单总额"),
        "order_discount": ("order_discount", "订单优惠", "订单优惠金额"),
        "refunded": (
            "refunded", "refund", "refund_amount", "refunded_amount", "refunded_total", "退款金额", "已退款金额",
        ),
        "refund_status": ("refund_status", "售后状态", "退款状态"),
        "cancelled_at": ("cancelled_at", "canceled_at"),
        "updated_at": ("updated_at", "modified_at", "date_modified", "last_modified", "更新时间", "修改时间"),
        "line_id": ("line_id", "line_item_id", "item_id", "子订单编号", "子订单号"),
        "postage": ("postage", "shipping", "shipping_fee", "邮费", "买家应付邮费", "运费"),
        "country": _COUNTRY,
        "region": _REGION,
        "city": _CITY,
        "address": ("address", "收货地址", "收货人地址"),
        "phone": _PHONE,
        "email": _EMAIL,
        "name": _BUYER_NAME,
        "waybill": _WAYBILL,
        "shipped_at": ("shipped_at", "发货时间"),
        "coupon": ("coupon", "coupon_code", "discount_code", "优惠码", "优惠券码", "券码"),
        "timezone": ("timezone", "time_zone", "时区"),
        "channel": ("channel", "sales_channel", "渠道", "下单渠道"),
        "currency": ("currency", "currency_code", "order_currency", "币种", "货币", "币别"),
    },
    "buyers": {
        "buyer_id": (*_BUYER, "id", "external_id"),
        "name": (*_BUYER_NAME, "name"),
        "email": _EMAIL,
        "phone": _PHONE,
        "language": ("language", "locale", "语言"),
        "birthday": ("birthday", "birth_date", "生日", "出生日期"),
        "country": _COUNTRY,
        "region": _REGION,
        "city": _CITY,
        "timezone": ("timezone", "time_zone", "时区"),
        "created_at": ("created_at", "registered_at", "注册时间"),
        "email_consent": ("email_consent", "accepts_email", "accepts_marketing", "邮件订阅", "接受邮件"),
        "sms_consent": ("sms_consent", "accepts_sms", "短信订阅", "接受短信"),
        "consent_at": ("consent_at", "consent_date", "consented_at", "订阅时间", "同意时间"),
        "email_consent_at": ("email_consent_at", "email_consent_date", "邮件订阅时间"),
        "sms_consent_at": ("sms_consent_at", "sms_consent_date", "短信订阅时间"),
    },
    "products": {
        "sku": (*_SKU, "id"),
        "title": (*_TITLE, "name", "名称"),
        "category": _CATEGORY,
        "brand": ("brand", "vendor", "品牌"),
        "price": ("price", "unit_price", "价格", "单价", "售价"),
        "stock": ("stock", "inventory", "stock_quantity", "库存"),
        "arrival_at": ("arrival_at", "arrival", "launch_at", "available_from", "上新时间", "上架时间"),
        "picture": ("picture", "image", "photo", "图片", "主图"),
        "url": ("url", "link", "product_url", "链接", "商品链接"),
    },
    "followers": {
        "buyer_id": _BUYER,
        "followed_at": ("followed_at", "since", "date", "关注时间"),
        "ended_at": ("ended_at", "unfollowed_at", "取消关注时间"),
    },
    "members": {
        "buyer_id": _BUYER,
        "group": ("group", "group_slug", "群", "群组"),
        "group_name": ("group_name", "群名", "群名称"),
        "joined_at": ("joined_at", "date", "since", "入群时间"),
        "left_at": ("left_at", "退群时间"),
    },
    "parcels": {
        "waybill": _WAYBILL,
        "order_id": ("order_id", "order_no", "order_number", "订单编号", "订单号"),
        "buyer_id": _BUYER,
        "ship_date": ("ship_date", "ship_day", "发货日期"),
        "shipped_at": ("shipped_at", "发货时间"),
        "delivered_at": ("delivered_at", "签收时间"),
        "pick_position": ("pick_position", "position", "拣货顺序", "拣货序号"),
    },
}  # fmt: skip

NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "orders": (("paid_at", "placed_at"), ("amount", "unit_price", "order_total")),
    "buyers": (("buyer_id",),),
    "products": (("sku",), ("title",)),
    "followers": (("buyer_id",),),
    "members": (("buyer_id",), ("group",)),
    "parcels": (("waybill",),),
}
"""Of each group of fields a file must have one."""

SPELLINGS = {"total": "order_total", "shipping": "postage"}
"""Other names of fields, as people and programs say them."""

PRESETS = {
    "generic": ColumnPreset("generic"),
    "taobao": ColumnPreset("taobao", order_level=True, after_refunds=("买家实际支付金额",)),
    "shopify": ColumnPreset(
        "shopify",
        order_level=True,
        names={
            "orders": {
                "order_id": ("Name",),
                "buyer_id": ("Email",),
                "status": ("Financial Status",),
                "sku": ("Lineitem sku",),
                "title": ("Lineitem name",),
                "quantity": ("Lineitem quantity",),
                "unit_price": ("Lineitem price",),
                "country": ("Shipping Country", "Billing Country"),
                "region": ("Shipping Province Name", "Shipping Province", "Billing Province"),
                "city": ("Shipping City", "Billing City"),
                "name": ("Shipping Name", "Billing Name"),
                "phone": ("Phone", "Shipping Phone", "Billing Phone"),
                "channel": ("Source",),
            },
            "buyers": {
                "buyer_id": ("Email",),
                "name": ("First Name",),
                "country": ("Default Address Country Code",),
                "region": ("Default Address Province Code",),
                "city": ("Default Address City",),
                "email_consent": ("Accepts Email Marketing",),
                "sms_consent": ("Accepts SMS Marketing",),
            },
            "products": {"sku": ("Variant SKU",), "price": ("Variant Price",)},
        },
    ),
    "woocommerce": ColumnPreset(
        "woocommerce",
        order_level=True,
        names={
            "orders": {
                "order_id": ("Order ID", "Order Number"),
                "buyer_id": ("Customer ID", "Customer User ID", "Billing Email", "Email (Billing)", "Customer Email"),
                "paid_at": ("Paid Date", "Date Paid"),
                "placed_at": ("Order Date", "Date Created"),
                "sku": ("SKU", "Item SKU", "Product SKU"),
                "title": ("Item Name", "Product Name"),
                "quantity": ("Quantity", "Item Quantity", "Quantity (- Refund)"),
                "unit_price": ("Item Cost", "Item Price"),
                "order_total": ("Order Total Amount", "Order Total"),
                "refunded": ("Order Refund Amount", "Refund Amount"),
                "postage": ("Order Shipping Amount", "Shipping Amount", "Shipping Cost"),
                "country": ("Country Code (Shipping)", "Shipping Country", "Country Code (Billing)", "Billing Country"),
                "region": ("State Code (Shipping)", "Shipping State", "State Code (Billing)", "Billing State"),
                "city": ("City (Shipping)", "Shipping City", "City (Billing)", "Billing City"),
                "email": ("Email (Billing)", "Billing Email", "Customer Email"),
                "phone": ("Phone (Billing)", "Billing Phone"),
                "coupon": ("Coupon Code", "Coupon Codes"),
            },
            "products": {"title": ("Name",), "price": ("Regular price",)},
        },
    ),
}


def find_preset(name: str) -> ColumnPreset:
    """Return the preset called `name`; Invalid otherwise."""
    if name not in PRESETS:
        raise Invalid("There is no preset {name}. Use one of {known}.", name=repr(name), known=", ".join(PRESETS))
    return PRESETS[name]


def map_columns(kind: str, header: Sequence[str], preset: ColumnPreset, explicit: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each field found; Invalid names the field or column that is missing or unknown."""
    fields = KINDS[kind]
    explicit = {name if name in fields else SPELLINGS.get(name, name): column for name, column in explicit.items()}
    _check_explicit(fields, header, explicit)
    by_plain_name = {_plain(name): name for name in reversed(header)}
    found = dict(explicit)
    for name in fields:
        special = preset.names.get(kind, {}).get(name, ())
        if name not in found and (column := _first(special, by_plain_name, ())):
            found[name] = column
    for name, usual in fields.items():
        if name not in found and (column := _first(usual, by_plain_name, found.values())):
            found[name] = column
    for group in NEEDED[kind]:
        if not found.keys() & set(group):
            raise Invalid(
                "No column holds {field}. The file has: {columns}. Name a column {example} in the file, or on "
                "the command line use --map {example}=Column.",
                field=" / ".join(group),
                columns=", ".join(header),
                example=group[0],
            )
    return found


def _check_explicit(fields: Names, header: Sequence[str], explicit: Mapping[str, str]) -> None:
    for name, column in explicit.items():
        if name not in fields:
            raise Invalid("There is no field {name}. Use one of {known}.", name=repr(name), known=", ".join(fields))
        if column not in header:
            raise Invalid(
                "There is no column {name}. The file has: {known}.", name=repr(column), known=", ".join(header)
            )


def _first(names: Sequence[str], columns: Mapping[str, str], taken: object) -> str | None:
    for name in names:
        column = columns.get(_plain(name))
        if column is not None and column not in taken:  # type: ignore[operator]
            return column
    return None


def _plain(header: str) -> str:
    return re.sub(r"[\s_\-:：()（）]", "", header).lower()
