"""The names of columns everybody uses, and what a file must have."""

from retention.ingest.presets.other_languages import with_other_languages
from retention.ingest.presets.preset import ColumnPreset, Names

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
    "会员ID",
    "会员号",
    "会员编号",
    "用户ID",
)
_BUYER_NAME = (
    "buyer_name",
    "customer_name",
    "full_name",
    "收货人姓名",
    "收货人",
    "收件人姓名",
    "收件人",
    "客户姓名",
    "姓名",
)
_PHONE = (
    "phone",
    "mobile",
    "phone_number",
    "mobile_number",
    "telephone",
    "联系手机",
    "手机号",
    "手机",
    "手机号码",
    "收货人手机",
    "收货人手机号",
    "收件人手机",
    "收件人手机号",
    "联系电话",
    "收货人电话",
    "电话",
)
_EMAIL = ("email", "e-mail", "email_address", "customer_email", "buyer_email", "mail", "邮箱", "电子邮箱", "电子邮件")
_WAYBILL = ("waybill", "tracking_number", "物流单号", "运单号", "快递单号", "运单号码")
_SKU = ("sku", "sku_id", "product_id", "stock_code", "item_code", "商家编码", "商品编码", "货号", "商品ID", "宝贝ID")
_TITLE = ("title", "product", "product_name", "description", "item_name", "宝贝标题", "商品名称", "商品标题", "标题")
_CATEGORY = ("category", "类目", "商品类目", "分类", "品类")
_COUNTRY = ("country", "shipping_country", "国家")
_REGION = ("region", "province", "state", "省份", "省", "收货省份")
_CITY = ("city", "城市", "市", "收货城市")

KINDS: dict[str, Names] = {
    "orders": with_other_languages({
        "order_id": ("order_id", "order_no", "order_number", "invoice", "invoice_no", "订单编号", "订单号",
                     "主订单编号"),
        "buyer_id": _BUYER,
        "paid_at": (
            "paid_at", "payment_time", "date_paid", "paid_date", "订单付款时间", "付款时间", "付款日期", "支付时间",
            "date", "order_date", "invoice_date", "日期", "sale_date", "sales_date", "transaction_date",
            "purchase_date",
            "销售日期", "销售时间", "交易日期", "交易时间",
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
        "line_discount": ("line_discount", "商品优惠金额"),
        "order_discount": ("order_discount", "订单优惠", "订单优惠金额"),
        "refunded": (
            "refunded", "refund", "refund_amount", "refunded_amount", "退款金额", "已退款金额",
        ),
        "order_refunded": (
            "order_refunded", "order_refund", "order_refund_amount", "refunded_total", "total_refunded",
            "total_refund", "订单退款金额", "订单已退款金额",
        ),
        "line_refunded": (
            "line_refunded", "line_refund", "item_refunded", "item_refund", "item_refund_amount", "商品退款金额",
            "商品已退款金额", "子订单退款金额",
        ),
        "total_after_refunds": ("total_after_refunds",),
        "refund_status": ("refund_status", "售后状态", "退款状态"),
        "cancelled_at": ("cancelled_at", "canceled_at"),
        "updated_at": ("updated_at", "modified_at", "date_modified", "last_modified", "更新时间", "修改时间"),
        "line_id": ("line_id", "line_item_id", "item_id", "子订单编号", "子订单号"),
        "currency": ("currency", "currency_code", "order_currency", "币种", "货币", "币别"),
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
    }),
    "buyers": with_other_languages({
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
        "email_suppressed": ("email_suppressed",),
        "email_suppressed_at": ("email_suppressed_at",),
        "sms_consent_at": ("sms_consent_at", "sms_consent_date", "短信订阅时间"),
    }),
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
    "buyers": (("buyer_id", "email", "phone"),),
    "products": (("sku",), ("title",)),
    "followers": (("buyer_id",),),
    "members": (("buyer_id",), ("group",)),
    "parcels": (("waybill",),),
}
"""Of each group of fields a file must have one."""

SPELLINGS = {"total": "order_total", "shipping": "postage"}
"""Other names of fields, as people and programs say them."""

GENERIC = ColumnPreset("generic")
