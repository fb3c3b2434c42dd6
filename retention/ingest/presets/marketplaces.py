"""Exports of marketplaces: Etsy, eBay, Amazon, Shopee, Lazada."""

from retention.ingest.presets.preset import ColumnPreset, ExportFormat

# Etsy, Shop Manager > Settings > Options > Download Data: EtsySoldOrderItems*.csv and EtsySoldOrders*.csv; header rows
# in the tests of nine public importers. Buyers are user names, mail addresses are never in it. Times are 09/21/26.
# British shops have "Delivery City", "Delivery", "Date Posted" in place of "Ship City", … (EtsyOrder of two importers).
# What went back shows in "Adjusted Order Total" alone: in files of 2021 and 2022 0 is no refund, as a public reader has
# it; the file of items does not tell.
ETSY = ColumnPreset(
    "etsy",
    (
        ExportFormat(
            "orders",
            "Sold order items",
            {
                "order_id": ("Order ID",),
                "line_id": ("Transaction ID",),
                "buyer_id": ("Buyer",),
                "paid_at": ("Date Paid", "Sale Date"),
                "placed_at": ("Sale Date",),
                "shipped_at": ("Date Shipped",),
                "title": ("Item Name",),
                "sku": ("SKU", "Listing ID"),
                "quantity": ("Quantity",),
                "unit_price": ("Price",),
                "amount": ("Item Total",),
                "postage": ("Order Shipping",),
                "order_discount": ("Discount Amount",),
                "currency": ("Currency",),
                "name": ("Ship Name",),
                "country": ("Ship Country",),
                "region": ("Ship State",),
                "city": ("Ship City",),
                "coupon": ("Coupon Code",),
            },
            marks=(
                "Sale Date", "Coupon Details", "Shipping Discount", "Order Shipping", "Order Sales Tax", "Item Total",
                "Listing ID", "Ship Zipcode", "Listings Type", "InPerson Discount", "InPerson Location",
                "VAT Paid by Buyer", "Order Type", "Ship Name", "Ship Address1", "Date Shipped",
            ),
        ),
        ExportFormat(
            "orders",
            "Sold orders",
            {
                "order_id": ("Order ID",),
                "buyer_id": ("Buyer User ID", "Buyer"),
                "paid_at": ("Sale Date",),
                "status": ("Status",),
                "shipped_at": ("Date Shipped", "Date Posted"),
                "quantity": ("Number of Items",),
                "sku": ("SKU",),
                "order_total": ("Order Total", "Order Value"),
                "total_after_refunds": ("Adjusted Order Total",),
                "postage": ("Shipping", "Delivery"),
                "order_discount": ("Discount Amount",),
                "currency": ("Currency",),
                "name": ("Full Name", "First Name + Last Name"),
                "country": ("Ship Country", "Delivery Country"),
                "region": ("Ship State", "Delivery State"),
                "city": ("Ship City", "Delivery City"),
                "coupon": ("Coupon Code",),
            },
            marks=(
                "Sale Date", "Buyer User ID", "Number of Items", "Order Value", "Coupon Details", "Shipping Discount",
                "Card Processing Fees", "Order Net", "Adjusted Order Total", "Adjusted Card Processing Fees",
                "Adjusted Net Order Amount", "Ship Zipcode", "InPerson Discount", "InPerson Location", "Date Shipped",
            ),
            order_level=True,
        ),
    ),
)  # fmt: skip

# eBay, Seller Hub > Orders > Download report: new and old ("File Exchange") English headers in five public importers,
# German ones in four; British "Post to …" and "Posted on Date" in two (ebayLavvColumnConfig, an importer of sales_tbl).
# Above the header stands a row of commas, below the rows "3,record(s) downloaded,from …" and "Seller ID : …" (both are
# refused). An order of several articles begins with a row that has the totals and no article.
EBAY = ColumnPreset(
    "ebay",
    (
        ExportFormat(
            "orders",
            "Orders report",
            {
                "order_id": (
                    "Order Number", "Bestellnummer", "Order ID", "Sales Record Number", "Verkaufsprotokollnummer",
                ),
                "line_id": ("Transaction ID", "Transaktions-ID", "Transaktionsnummer"),
                "buyer_id": ("Buyer Username", "Nutzername des Käufers", "User Id", "Mitgliedsname"),
                "email": ("Buyer Email", "E-Mail des Käufers", "E-Mail-Adresse des Käufers"),
                "phone": (
                    "Ship To Phone", "Post To Phone", "Buyer Phone Number", "Telefonnummer des Empfängers",
                    "Telefon des Käufers",
                ),
                "name": (
                    "Buyer Name", "Buyer Fullname", "Ship To Name", "Post To Name", "Name des Käufers",
                    "Vollständiger Name des Käufers",
                    "Name des Empfängers",
                ),
                "placed_at": ("Sale Date", "Verkauft am", "Verkaufsdatum"),
                "paid_at": ("Paid On Date", "Paid on Date", "Zahlungsdatum", "Bezahlt am"),
                "shipped_at": (
                    "Shipped On Date", "Shipped on Date", "Posted on Date", "Verschickt am - Datum", "Versanddatum",
                ),
                "title": ("Item Title", "Angebotstitel", "Artikelbezeichnung"),
                "sku": ("Custom Label", "Bestandseinheit", "Item Number", "Item ID", "Artikelnummer"),
                "quantity": ("Quantity", "Anzahl", "Stückzahl"),
                "unit_price": ("Sold For", "Sale Price", "Verkauft für", "Verkaufspreis"),
                "postage": ("Shipping And Handling", "Postage and Handling", "Verpackung und Versand"),
                "order_total": ("Total Price", "Gesamtbetrag", "Gesamtpreis"),
                "country": (
                    "Ship To Country", "Post To Country", "Buyer Country", "Land des Empfängers", "Land des Käufers",
                ),
                "region": (
                    "Ship To State", "Post To County", "Post To State", "Buyer State", "Bundesland des Empfängers",
                    "Staat des Käufers",
                ),
                "city": ("Ship To City", "Post To City", "Buyer City", "Ort des Empfängers", "Ort des Käufers"),
                "waybill": ("Tracking Number", "Sendungsnummer"),
            },
            marks=(
                "Sales Record Number", "Buyer Username", "Buyer Fullname", "Buyer Address 1", "Buyer Zip",
                "Ship To Name", "Ship To Phone", "Ship To Address 1", "Ship To City", "Ship To Zip", "Ship To Country",
                "Custom Label", "Sold Via Promoted Listings", "Sold For", "Shipping And Handling", "Item Number",
                "Item Title", "Paid On Date", "eBay Collected Tax", "Global Shipping Program",
                "Verkaufsprotokollnummer",
                "Nutzername des Käufers", "Name des Käufers", "Mitgliedsname", "Angebotstitel", "Bestandseinheit",
                "Verkauft für", "Verpackung und Versand", "Gesamtbetrag", "Verkauft am", "Zahlungsdatum",
                "Artikelbezeichnung", "Vollständiger Name des Käufers",
            ),
            order_level=True,
        ),
    ),
)  # fmt: skip

# Amazon, Seller Central > Reports: "All Orders" (GET_FLAT_FILE_ALL_ORDERS_DATA), "Unshipped/New Orders"
# (GET_FLAT_FILE_ORDERS_DATA) and "Fulfilled Shipments", tab separated, English in every country; header rows in public
# parsers. item-price is the line's, not one piece's. buyer-email is an alias that stays the same for a buyer.
AMAZON = ColumnPreset(
    "amazon",
    (
        ExportFormat(
            "orders",
            "All orders, new orders, fulfilled shipments",
            {
                "order_id": ("amazon-order-id", "order-id"),
                "line_id": ("order-item-id", "amazon-order-item-id"),
                "buyer_id": ("buyer-email",),
                "email": ("buyer-email",),
                "name": ("buyer-name", "recipient-name"),
                "phone": ("buyer-phone-number", "ship-phone-number"),
                "placed_at": ("purchase-date",),
                "paid_at": ("payments-date",),
                "shipped_at": ("shipment-date",),
                "updated_at": ("last-updated-date",),
                "status": ("order-status",),
                "sku": ("sku", "asin"),
                "title": ("product-name",),
                "quantity": ("quantity-purchased", "quantity-shipped", "quantity"),
                "amount": ("item-price",),
                "line_discount": ("item-promotion-discount",),
                "postage": ("shipping-price",),
                "currency": ("currency",),
                "country": ("ship-country", "bill-country"),
                "region": ("ship-state", "bill-state"),
                "city": ("ship-city", "bill-city"),
                "waybill": ("tracking-number",),
                "channel": ("sales-channel",),
                "coupon": ("promotion-ids",),
            },
            marks=(
                "amazon-order-id", "merchant-order-id", "order-item-id", "purchase-date", "payments-date",
                "last-updated-date", "fulfillment-channel", "ship-service-level", "asin", "item-status", "item-price",
                "item-tax", "gift-wrap-price", "item-promotion-discount", "ship-promotion-discount",
                "ship-postal-code", "promotion-ids", "buyer-phone-number", "quantity-purchased", "quantity-to-ship",
                "is-business-order", "price-designation", "reporting-date", "promise-date",
            ),
            sure=("amazon-order-id",),
        ),
    ),
)  # fmt: skip

# Shopee Seller Centre, My Orders > Export (Order.all.*.xlsx), in the country's language: Portuguese (BR) as ten public
# readers have it, Indonesian, Thai, Vietnamese, traditional Chinese (TW, whole header in a shop's specification) as
# several, English (PH, MY, SG) as importers name them. An article's row repeats the order's columns: Taiwan's
# 商品總價 is one of them, so that an article is 商品活動價格 times 數量.
SHOPEE = ColumnPreset(
    "shopee",
    (
        ExportFormat(
            "orders",
            "Orders",
            {
                "order_id": (
                    "Order ID", "No. Pesanan", "Mã đơn hàng", "หมายเลขคำสั่งซื้อ", "ID do pedido", "訂單編號",
                ),
                "buyer_id": (
                    "Username (Buyer)", "Username (Pembeli)", "Người Mua", "ชื่อผู้ใช้ (ผู้ซื้อ)",
                    "Nome de usuário (comprador)", "買家帳號",
                ),
                "status": (
                    "Order Status", "Status Pesanan", "Trạng Thái Đơn Hàng", "สถานะการสั่งซื้อ", "Status do pedido",
                    "訂單狀態",
                ),
                "refund_status": (
                    "Return / Refund Status", "Status Pembatalan/ Pengembalian", "Trạng thái Trả hàng/Hoàn tiền",
                    "สถานะการคืนเงินหรือคืนสินค้า", "Status da Devolução / Reembolso", "退貨 / 退款狀態",
                ),
                "placed_at": (
                    "Order Creation Date", "Order Creation Time", "Waktu Pesanan Dibuat", "Ngày đặt hàng",
                    "วันที่ทำการสั่งซื้อ", "Data de criação do pedido", "訂單成立日期",
                ),
                "paid_at": (
                    "Order Paid Time", "Waktu Pembayaran Dilakukan", "Thời gian đơn hàng được thanh toán",
                    "เวลาการชำระสินค้า", "Hora do pagamento do pedido", "買家付款時間",
                ),
                "shipped_at": ("Ship Time", "Waktu Pengiriman Diatur", "Thời gian giao hàng"),
                "title": ("Product Name", "Nama Produk", "Tên sản phẩm", "ชื่อสินค้า", "Nome do Produto", "商品名稱"),
                "sku": (
                    "SKU Reference No.", "Nomor Referensi SKU", "SKU phân loại hàng",
                    "เลขอ้างอิง SKU (SKU Reference No.)",
                    "Número de referência SKU", "商品選項貨號", "Parent SKU Reference No.", "SKU Induk",
                    "Nº de referência do SKU principal", "主商品貨號",
                ),
                "quantity": ("Quantity", "Jumlah", "Số lượng", "จำนวน", "Quantidade", "數量"),
                "unit_price": (
                    "Deal Price", "Harga Setelah Diskon", "Giá ưu đãi", "ราคาขาย", "Preço acordado", "商品活動價格",
                ),
                "amount": (
                    "Product Subtotal", "Total Harga Produk", "Subtotal Pesanan", "Tổng giá bán (sản phẩm)",
                    "ราคาขายสุทธิ", "Subtotal do produto",
                ),
                "postage": (
                    "Buyer Paid Shipping Fee", "Ongkos Kirim Dibayar oleh Pembeli",
                    "Phí vận chuyển mà người mua trả", "Taxa de envio pagas pelo comprador", "買家支付運費",
                ),
                "name": (
                    "Receiver Name", "Nama Penerima", "Tên Người nhận", "ชื่อผู้รับ", "Nome do destinatário", "收件者姓名",
                ),
                "phone": (
                    "Phone Number", "No. Telepon", "Số điện thoại", "หมายเลขโทรศัพท์", "Telefone", "收件者電話",
                ),
                "country": ("Country", "Quốc gia", "País", "國家"),
                "region": ("Province", "Provinsi", "Tỉnh/Thành phố", "จังหวัด", "UF", "State"),
                "city": ("City", "Kota/Kabupaten", "TP / Quận / Huyện", "เขต/อำเภอ", "Cidade", "Town", "城市"),
                "waybill": (
                    "Tracking Number*", "Tracking Number", "No. Resi", "Mã vận đơn", "*หมายเลขติดตามพัสดุ",
                    "Número de rastreamento", "包裹查詢號碼",
                ),
            },
            marks=(
                "Username (Buyer)", "Parent SKU Reference No.", "SKU Reference No.", "Deal Price", "Returned quantity",
                "Product Subtotal", "Buyer Paid Shipping Fee", "Order Paid Time", "Order Creation Date",
                "Seller Voucher",
                "Return / Refund Status", "Estimated Ship Out Date", "Receiver Name", "No. Pesanan", "Status Pesanan",
                "Username (Pembeli)", "Waktu Pesanan Dibuat", "Waktu Pembayaran Dilakukan", "Harga Setelah Diskon",
                "Nama Penerima", "SKU Induk", "Mã đơn hàng", "Người Mua", "SKU phân loại hàng", "Trạng Thái Đơn Hàng",
                "Tên Người nhận", "หมายเลขคำสั่งซื้อ", "ชื่อผู้ใช้ (ผู้ซื้อ)", "สถานะการสั่งซื้อ",
                "เลขอ้างอิง Parent SKU",
                "ID do pedido", "Nome de usuário (comprador)", "Status do pedido", "Preço acordado",
                "Subtotal do produto", "Nº de referência do SKU principal", "Data de criação do pedido",
                "買家帳號", "訂單成立日期", "商品活動價格", "收件者姓名", "主商品貨號", "商品選項貨號",
            ),
        ),
    ),
)  # fmt: skip

# Lazada Seller Center, Orders > Export: camelCase English columns in every country, as a seller's mapping document of
# the 76 and 77 columns of 2024 to 2026, the model of a Java importer and several readers list them; one row a piece,
# so a line's amount is paidPrice; times are 01 Jun 2024 10:00. Buyers are masked names; customerEmail, mostly blank,
# tells them apart. Older exports are said to have the same words apart ("Order Item Id", "Seller SKU").
LAZADA = ColumnPreset(
    "lazada",
    (
        ExportFormat(
            "orders",
            "Orders",
            {
                "order_id": ("orderNumber", "Order Number"),
                "line_id": ("orderItemId", "Order Item Id"),
                "buyer_id": ("customerEmail", "Customer Email"),
                "email": ("customerEmail", "Customer Email"),
                "name": ("customerName", "shippingName", "Customer Name"),
                "phone": ("billingPhone", "shippingPhone", "billingPhone2", "shippingPhone2"),
                "placed_at": ("createTime", "Created at"),
                "updated_at": ("updateTime", "Updated at"),
                "status": ("status", "Status"),
                "sku": ("sellerSku", "Seller SKU", "lazadaSku", "Lazada SKU"),
                "title": ("itemName", "Item Name"),
                "quantity": ("quantity",),
                "amount": ("paidPrice", "Paid Price", "unitPrice", "Unit Price"),
                "postage": ("shippingFee", "Shipping Fee"),
                "line_refunded": ("refundAmount", "Refund Amount"),
                "country": ("shippingCountry", "billingCountry"),
                "region": ("shippingRegion", "shippingAddr3"),
                "city": ("shippingCity", "billingCity"),
                "waybill": ("trackingCode", "cdTrackingCode", "Tracking Code"),
            },
            marks=(
                "orderItemId", "lazadaId", "lazadaSku", "sellerSku", "orderNumber", "paidPrice", "sellerDiscountTotal",
                "shippingProviderType", "trackingCode", "buyerFailedDeliveryReturnInitiator", "wareHouse", "guarantee",
                "deliveredDate", "deliveryType", "rtsSla", "ttsSla",
                "platformDiscountTotal", "walletCredit", "invoiceRequired", "bundleId", "Order Item Id", "Lazada Id",
                "Lazada SKU", "Seller SKU",
            ),
            sure=("lazadaSku", "orderItemId"),
            statuses={"pending": "paid"},  # an order that waits for payment is "unpaid" here
            not_verified="the names with blanks, such as `Order Item Id`.",
        ),
    ),
)  # fmt: skip
