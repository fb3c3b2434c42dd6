"""Exports of the platforms of China: Taobao, Tmall, JD, Pinduoduo, Douyin, Youzan.

Their money columns are the order's where an order is one row; the exports with one row per article say so.
"""

from retention.ingest.presets.preset import ColumnPreset, ExportFormat

# Seller centre, "已卖出的宝贝", "导出订单" (ExportOrderList*.csv, GBK). Headers as public programs read them: two C#
# shop systems and a PHP one that imitate the export, a merger of both files by pandas ("收货地址 ", "物流单号 " with
# blanks behind), an Excel file of 2018, a Tmall report of 2020 on a public data site. In that report what was paid is
# the total less the refund in each of 5,646 refunded orders. Since 2022 the column is called 买家实付金额: an
# importer of both files of such an export (a stock keeper in TypeScript) and one of four platforms add refunds to it
# where it is the smaller one.
_TAOBAO_ORDER = {
    "order_id": ("订单编号", "主订单编号"),
    "buyer_id": ("买家会员名", "买家昵称", "买家会员昵称", "买家淘宝昵称"),
    "amount": ("买家实际支付金额", "买家实付金额", "支付金额", "实付金额", "买家应付货款", "总金额"),
    "postage": ("买家应付邮费", "邮费", "运费"),
    "refunded": ("退款金额", "已退款金额"),
    "refund_status": ("退款状态", "售后状态"),
    "status": ("订单状态", "交易状态"),
    "placed_at": ("订单创建时间", "创建时间"),
    "paid_at": ("订单付款时间", "付款时间"),
    "shipped_at": ("发货时间",),
    "title": ("宝贝标题", "商品标题"),
    "quantity": ("宝贝总数量", "购买数量"),
    "name": ("收货人姓名", "收货人"),
    "address": ("修改后的收货地址", "收货地址", "收货人地址"),
    "phone": ("联系手机", "联系电话"),
    "waybill": ("物流单号", "运单号"),
}
_AFTER_REFUNDS = ("买家实际支付金额", "买家实付金额")

TAOBAO = ColumnPreset(
    "taobao",
    (
        ExportFormat(
            "orders",
            "订单报表 (ExportOrderList)",
            _TAOBAO_ORDER,
            marks=(
                "买家会员名", "买家支付宝账号", "支付单号", "买家应付货款", "买家应付邮费", "买家支付积分", "返点积分",
                "买家实际支付金额", "买家实际支付积分", "宝贝标题", "宝贝种类", "宝贝总数量", "订单付款时间",
                "店铺Id", "订单关闭原因", "卖家服务费", "买家服务费", "是否手机订单", "分阶段订单信息",
                "特权订金订单id", "定金排名", "修改后的sku", "修改后的收货地址", "异常信息", "天猫卡券抵扣",
                "集分宝抵扣", "是否是O2O交易",
            ),
            order_level=True,
            after_refunds=_AFTER_REFUNDS,
        ),
        # "宝贝报表" (ExportOrderDetailList*.csv): one row an article, without buyer and, in its old form,
        # without times; columns as a PHP imitation, a JavaScript importer and a Django model of the trade
        # list them, those since 2022 (子订单编号, 商品标题, 买家实付金额) as the importer above and a pandas program.
        ExportFormat(
            "orders",
            "宝贝报表 (ExportOrderDetailList)",
            {
                "order_id": ("主订单编号", "订单编号"),
                "line_id": ("子订单编号",),
                "title": ("标题", "宝贝标题", "商品标题"),
                "unit_price": ("价格", "商品价格"),
                "quantity": ("购买数量",),
                "sku": ("外部系统编号", "商家编码", "商品编码", "商品ID"),
                "amount": ("买家实付金额", "买家实际支付金额", "买家应付货款"),
                "status": ("订单状态",),
                "refund_status": ("退款状态",),
                "line_refunded": ("退款金额",),
                "placed_at": ("订单创建时间", "创建时间"),
                "paid_at": ("订单付款时间", "付款时间"),
            },
            marks=("外部系统编号", "套餐信息", "商品属性", "标题", "价格", "购买数量"),
            add_lines=True,
        ),
    ),
)  # fmt: skip

# "天猫订单报表": a few columns, no buyer, no order state; Tmall report of 2020 on a public data site.
TMALL = ColumnPreset(
    "tmall",
    (
        ExportFormat(
            "orders",
            "订单报表 (天猫)",
            _TAOBAO_ORDER,
            marks=("总金额", "买家实际支付金额", "订单付款时间", "退款金额"),
            order_level=True,
            after_refunds=_AFTER_REFUNDS,
        ),
    ),
)

# Shop backend, "订单查询与跟踪", "导出". Header row quoted in a Java importer (SaleJdOrderLineInfo) and in the SQL
# schema of another; the columns of the order repeat on each of its articles.
JD = ColumnPreset(
    "jd",
    (
        ExportFormat(
            "orders",
            "订单导出",
            {
                "order_id": ("订单号", "订单编号"),
                "buyer_id": ("下单帐号", "下单账号"),
                "status": ("订单状态",),
                "placed_at": ("下单时间",),
                "paid_at": ("付款确认时间", "付款时间"),
                "shipped_at": ("订单出库时间", "出库时间"),
                "sku": ("货号", "商家SKUID", "商品ID", "商品编号"),
                "title": ("商品名称",),
                "quantity": ("订购数量", "商品数量"),
                "unit_price": ("京东价",),
                "order_total": ("应付金额", "结算金额", "订单金额", "商家应收"),
                "postage": ("运费金额", "运费"),
                "name": ("客户姓名", "收货人姓名"),
                "address": ("客户地址", "收货地址"),
                "phone": ("联系电话", "联系手机"),
                "waybill": ("运单号", "快递单号", "物流单号"),
                "channel": ("订单渠道",),
            },
            marks=(
                "订购数量", "京东价", "结算金额", "余额支付", "下单帐号", "下单账号", "客户姓名", "客户地址",
                "商家备注等级（等级1-5为由高到低）", "运费金额", "付款确认时间", "增值税发票", "订单完成时间",
                "普通发票纳税人识别号", "商家SKUID", "商家应收",
            ),
            order_level=True,
        ),
    ),
)  # fmt: skip

# Merchant backend, "订单查询", "批量导出": the header row stands in the tests of three public reconciliation tools
# and in the field list of Pinduoduo's open platform; the first column is the title, times end in a tab.
PINDUODUO = ColumnPreset(
    "pinduoduo",
    (
        ExportFormat(
            "orders",
            "订单导出",
            {
                "order_id": ("订单号",),
                "status": ("订单状态",),
                "refund_status": ("售后状态",),
                "refunded": ("退款金额(元)", "退款金额"),
                "paid_at": ("支付时间", "订单成交时间", "拼单成功时间"),
                "placed_at": ("订单创建时间", "下单时间"),
                "shipped_at": ("发货时间",),
                "title": ("商品", "商品名称"),
                "sku": ("商家编码-规格维度", "商家编码-SKU维度", "商家编码-商品维度", "样式ID", "商品id"),
                "quantity": ("商品数量(件)",),
                "order_total": ("用户实付金额(元)", "顾客实付金额(元)", "商家实收金额(元)"),
                "postage": ("邮费(元)",),
                "name": ("收货人", "收货人姓名"),
                "phone": ("手机", "收货人手机", "收货人电话"),
                "region": ("省", "省份"),
                "city": ("市", "城市"),
                "waybill": ("快递单号",),
            },
            marks=(
                "商品总价(元)", "邮费(元)", "店铺优惠折扣(元)", "平台优惠折扣(元)", "多多支付立减金额(元)",
                "用户实付金额(元)", "顾客实付金额(元)", "商家实收金额(元)", "商品数量(件)", "拼单成功时间", "样式ID",
                "商家编码-规格维度", "商家编码-商品维度", "订单成交时间", "团id", "确认收货时间",
            ),
            order_level=True,
        ),
    ),
)  # fmt: skip

# 抖店 (Douyin shop), "订单管理", "导出": header rows in the tests of five public importers; cells begin with a tab,
# names and numbers are ciphers ("##…", "$$…"). A row is a sub-order with an amount of its own; 商品金额 is the price of
# one piece (three pandas programs for settlements say so), 售后状态 of an order that goes on may be 换货成功, 补寄成功
# (sales rules of a dashboard's importer).
DOUYIN = ColumnPreset(
    "douyin",
    (
        ExportFormat(
            "orders",
            "订单导出",
            {
                "order_id": ("主订单编号", "主订单号"),
                "line_id": ("子订单编号", "子订单号"),
                "status": ("订单状态",),
                "refund_status": ("售后状态",),
                "line_refunded": ("退款金额",),
                "placed_at": ("订单提交时间", "下单时间"),
                "paid_at": ("支付完成时间", "支付时间"),
                "shipped_at": ("发货时间",),
                "title": ("选购商品", "商品名称"),
                "sku": ("商家编码", "货号", "商品ID"),
                "quantity": ("商品数量",),
                "unit_price": ("商品单价", "商品金额"),
                "amount": ("订单应付金额", "订单实付金额"),
                "postage": ("运费",),
                "name": ("收件人",),
                "phone": ("收件人手机号",),
                "region": ("省",),
                "city": ("市",),
                "waybill": ("快递信息", "物流单号", "快递单号"),
                "channel": ("APP渠道", "流量来源"),
            },
            marks=(
                "主订单编号", "子订单编号", "选购商品", "订单应付金额", "订单提交时间", "支付完成时间", "收件人手机号",
                "达人ID", "达人昵称", "流量体裁", "流量来源", "广告渠道", "商家收入金额", "平台实际承担优惠金额",
                "商家实际承担优惠金额", "达人实际承担优惠金额", "快递信息", "旗帜颜色", "承诺发货时间",
            ),
        ),
    ),
)  # fmt: skip

# 有赞, "订单", "批量导出": header rows in a Java importer (CsvBindByName), a bakery's loader, a tutorial with two
# rows of a file of 2022, a PHP shop that imitates it and several test suites. A nickname is no number: many share
# one, so the buyer is known by the mobile number. Of an article 商品实际成交金额 is what was paid (pandas reports and
# a SQL model of two shops add it up), 商品单价 the price before 店铺优惠（分摊）.
_YOUZAN_ORDER = {
    "order_id": ("订单号",),
    "buyer_id": ("买家ID", "客户ID", "买家手机号"),
    "status": ("订单状态",),
    "placed_at": ("订单创建时间",),
    "paid_at": ("买家付款时间",),
    "order_total": ("订单实付金额", "订单实收金额", "应收订单金额"),
    "postage": ("运费",),
    "name": ("收货人/提货人", "买家姓名", "买家昵称"),
    "phone": ("收货人手机号/提货人手机号", "买家手机号"),
    "region": ("收货人省份",),
    "city": ("收货人城市",),
    "address": ("详细收货地址/提货地址",),
    "coupon": ("优惠券码名称",),
    "channel": ("订单来源", "销售渠道"),
}
_YOUZAN_MARKS = (
    "买家付款时间", "订单实付金额", "应收订单金额", "订单实收金额", "收货人/提货人", "收货人手机号/提货人手机号",
    "详细收货地址/提货地址", "买家是否会员", "订单抵用积分数", "下单网点", "商家订单备注", "订单配送方式", "分销员",
    "归属店铺",
)  # fmt: skip
YOUZAN = ColumnPreset(
    "youzan",
    (
        ExportFormat(
            "orders",
            "订单维度",
            {
                **_YOUZAN_ORDER,
                "title": ("全部商品名称",),
                "quantity": ("订单商品总件数",),
                "refund_status": ("订单退款状态",),
                "refunded": ("订单已退款金额",),
            },
            marks=(*_YOUZAN_MARKS, "全部商品名称", "商品种类数", "订单退款状态", "订单已退款金额"),
            without=("买家昵称",),
            order_level=True,
        ),
        ExportFormat(
            "orders",
            "商品维度",
            {
                **_YOUZAN_ORDER,
                "status": ("订单状态", "订单商品状态"),
                "title": ("商品名称",),
                "sku": ("规格编码", "商品编码"),
                "quantity": ("商品数量",),
                "unit_price": ("商品优惠后价格", "商品单价"),
                "amount": ("商品实际成交金额", "商品金额小计"),
                "refund_status": ("商品退款状态",),
                "line_refunded": ("商品已退款金额",),
                "waybill": ("商品发货物流单号",),
            },
            marks=(
                *_YOUZAN_MARKS, "商品发货物流单号", "商品发货物流公司", "商品退款状态", "商品已退款金额",
                "订单商品状态", "商品留言", "商品实际成交金额", "商品优惠后价格", "商品抵用积分数",
            ),
            without=("买家昵称",),
        ),
    ),
)  # fmt: skip
