"""Exports of the plug-ins most WooCommerce shops export their orders with."""

from retention.ingest.presets.preset import ExportFormat

# "Advanced Order Export For WooCommerce": labels of class-wc-order-export-data-extractor-ui.php (text domain
# woo-order-export-lite), French of its language pack of 2022, German and Spanish of woocommerce-order-export-de_DE.po
# and -es_ES.po in Bertrand74/woocommerce-order-export, Spanish also in two public importers; its Chinese is not
# translated. One row an article; the order's columns on each of them, or on the first only.
ADVANCED = ExportFormat(
    "orders",
    "Advanced Order Export",
    {
        "order_id": (
            "Order ID", "Order Number", "ID de commande", "Numéro de commande", "Bestellnummer", "ID del pedido",
            "Número de pedido",
        ),
        "line_id": (
            "Item ID", "ID de l'article", "Artikel Identifikationsnummer", "Identificación del artículo",
        ),
        "buyer_id": (
            "Customer ID", "Customer User ID", "User ID", "ID du client", "Kundenbenutzer-ID",
            "ID de usuario del cliente", "Billing Email", "Email (Billing)", "Customer User Email", "Customer Email",
            "E-mail (Facturation)", "E-Mail (Abrechnung)", "Correo electrónico (facturación)",
        ),
        "status": ("Order Status", "État de la commande", "Bestellstatus", "Estado del pedido"),
        "paid_at": ("Paid Date", "Date Paid", "Date de paiement"),
        "placed_at": ("Order Date", "Date Created", "Date de commande", "Bestelldatum", "Fecha del pedido"),
        "updated_at": ("Modification Date", "Date de modification"),
        "currency": ("Order Currency", "Currency", "Devise", "Währung", "Moneda"),
        "sku": ("SKU", "Item SKU", "Product SKU", "UGS", "Artikelnummer"),
        "title": (
            "Item Name", "Product Name", "Nom de l'article", "Artikelname", "Produktname", "Nombre del artículo",
            "Nombre del árticulo",
        ),
        "category": ("Category", "Catégorie", "Kategorie"),
        "quantity": (
            "Quantity", "Item Quantity", "Quantity (- Refund)", "Quantité", "Quantité (- Remboursement)", "Anzahl",
            "Menge (Rückerstattung)", "Cantidad", "Cantidad (- reembolso)",
        ),
        "unit_price": (
            "Item Cost", "Item Price", "Prix du produit", "Gegenstandskosten", "Coste de artículo",
        ),
        "order_total": (
            "Order Total Amount", "Order Total", "Montant total de la commande", "Gesamtbetrag der Bestellung",
            "Importe total del pedido",
        ),
        "amount": (
            "Order Total Amount (- Refund)", "Montant total de la commande (- Remboursement)",
            "Gesamtbetrag der Bestellung (- Rückerstattung)", "Importe total del pedido (- reembolso)",
        ),
        "total_after_refunds": (
            "Order Total Amount (- Refund)", "Montant total de la commande (- Remboursement)",
            "Gesamtbetrag der Bestellung (- Rückerstattung)", "Importe total del pedido (- reembolso)",
        ),
        "refunded": (
            "Order Refund Amount", "Refund Amount", "Montant du remboursement de la commande",
            "Rückerstattungsbetrag", "Importe reembolsado del pedido",
        ),
        "postage": (
            "Order Shipping Amount", "Shipping Amount", "Shipping Cost", "Montant de la livraison",
            "Versandbetrag bestellen", "Importe de envío del pedido",
        ),
        "order_discount": (
            "Cart Discount Amount", "Montant de la remise panier", "Einkaufswagen-Rabattbetrag",
            "Importe de descuento del carrito",
        ),
        "country": (
            "Country Code (Shipping)", "Country Name (Shipping)", "Shipping Country", "Country Code (Billing)",
            "Billing Country", "Code du pays (Livraison)", "Code du pays (Facturation)", "Ländercode (Versand)",
            "Ländercode (Abrechnung)", "Código del país (envío)", "Código del país (facturación)",
        ),
        "region": (
            "State Code (Shipping)", "State Name (Shipping)", "Shipping State", "State Code (Billing)",
            "Billing State", "Code de l'état (Livraison)", "Code de l'état (Facturation)", "Staatscode (Versand)",
            "Statuscode (Abrechnung)", "Código de provincia (envío)", "Código de provincia (facturación)",
        ),
        "city": (
            "City (Shipping)", "Shipping City", "City (Billing)", "Billing City", "Ville (Livraison)",
            "Ville (Facturation)", "Stadt (Versand)", "Stadt (Abrechnung)", "Ciudad (envío)", "Ciudad (facturación)",
        ),
        "email": (
            "Email (Billing)", "Billing Email", "Customer User Email", "Customer Email", "E-mail (Facturation)",
            "E-Mail (Abrechnung)", "Correo electrónico (facturación)", "Correo electrónico del cliente",
        ),
        "phone": (
            "Phone (Billing)", "Billing Phone", "Phone (Shipping)", "Téléphone (Facturation)",
            "Telefon (Abrechnung)", "Teléfono (facturación)",
        ),
        "name": (
            "First Name (Billing) + Last Name (Billing)", "First Name (Shipping) + Last Name (Shipping)",
            "Full Name (Billing)", "Full Name (Shipping)", "Billing First Name + Billing Last Name",
            "Prénom (Facturation) + Nom de famille (Facturation)", "Vorname (Abrechnung) + Nachname (Abrechnung)",
            "Nombre (facturación) + Apellidos (facturación)",
        ),
        "coupon": ("Coupon Code", "Coupon Codes", "Code de coupon", "Gutscheincode", "Código de cupón"),
    },
    marks=(
        "First Name (Billing)", "Last Name (Billing)", "Address 1&2 (Billing)", "City (Billing)",
        "State Code (Billing)", "Postcode (Billing)", "Country Code (Billing)", "Email (Billing)", "Phone (Billing)",
        "First Name (Shipping)", "Last Name (Shipping)", "Address 1&2 (Shipping)", "City (Shipping)",
        "State Code (Shipping)", "Postcode (Shipping)", "Country Code (Shipping)", "Payment Method Title",
        "Cart Discount Amount", "Order Subtotal Amount", "Shipping Method Title", "Order Shipping Amount",
        "Order Refund Amount", "Order Total Amount", "Order Total Tax Amount", "Item Cost", "Customer User ID",
        "Quantity (- Refund)", "Customer Note", "Billing First Name", "Billing Last Name", "Billing Email",
        "E-mail (Facturation)", "Téléphone (Facturation)", "Montant total de la commande", "Sous-total de la commande",
        "Montant de la remise panier", "Code du pays (Facturation)", "Ville (Facturation)", "État de la commande",
        "E-Mail (Abrechnung)", "Telefon (Abrechnung)", "Vorname (Abrechnung)", "Ländercode (Abrechnung)",
        "Gesamtbetrag der Bestellung", "Gegenstandskosten", "Correo electrónico (facturación)",
        "Teléfono (facturación)", "Nombre (facturación)", "Importe total del pedido", "Coste de artículo",
        "Importe de envío del pedido", "Estado del pedido",
    ),
    order_level=True,
    after_refunds=(
        "Order Total Amount (- Refund)", "Montant total de la commande (- Remboursement)",
        "Gesamtbetrag der Bestellung (- Rückerstattung)", "Importe total del pedido (- reembolso)",
    ),
    not_verified="German `Bestelldatum`.",
)  # fmt: skip

_PERSON = {
    "email": ("billing_email", "customer_email"),
    "phone": ("billing_phone", "shipping_phone"),
    "name": (
        "billing_first_name + billing_last_name", "shipping_first_name + shipping_last_name", "billing_full_name",
    ),
    "country": ("shipping_country", "billing_country"),
    "region": ("shipping_state", "billing_state"),
    "city": ("shipping_city", "billing_city"),
}  # fmt: skip

# "Customer/Order/Coupon Export" of SkyVerge (woocommerce-customer-order-csv-export): `load_formats` of
# class-wc-customer-order-csv-export-formats.php 4.0, its generator of 2016, Orders_Export_Format_Definition.php of
# 2023. `order_number` is blank unless a plug-in numbers orders. The import format calls the number `id` and puts mail
# addresses into `customer_user`; the legacy ones put the quantity into "Item Amount", the line's total into "Row
# Price".
_SKYVERGE_ORDER = {
    **_PERSON,
    "order_id": ("order_id", "order_number_formatted", "order_number"),
    "status": ("status",),
    "buyer_id": ("customer_id", "customer_user", "billing_email"),
    "placed_at": ("date", "order_date"),
    "currency": ("order_currency",),
    "order_total": ("order_total",),
    "postage": ("shipping_total", "order_shipping"),
    "order_discount": ("discount_total",),
    "order_refunded": ("refunded_total",),
}
_SKYVERGE_MARKS = (
    "order_number_formatted", "shipping_total", "shipping_tax_total", "fee_total", "fee_tax_total", "tax_total",
    "discount_total", "refunded_total", "order_currency", "billing_email", "billing_phone", "billing_first_name",
    "billing_last_name", "shipping_items", "coupon_items", "coupons", "download_permissions_granted",
)  # fmt: skip
SKYVERGE = (
    ExportFormat(
        "orders",
        "Customer/Order Export (SkyVerge): default, legacy import",
        _SKYVERGE_ORDER,
        marks=(
            *_SKYVERGE_MARKS, "line_items", "refunds", "order_shipping_tax", "order_fees", "order_fee_tax",
            "order_item_1", "shipping_method_1", "shipping_cost_1",
        ),
        order_level=True,
    ),
    ExportFormat(
        "orders",
        "Customer/Order Export (SkyVerge): import",
        {
            **_PERSON,
            "order_id": ("id",),
            "status": ("status",),
            "buyer_id": ("customer_user", "billing_email"),
            "placed_at": ("created_at",),
            "currency": ("currency",),
            "order_total": ("total",),
            "postage": ("total_shipping",),
            "order_discount": ("total_discount",),
            "refunded": ("total_refunded",),
        },
        marks=(
            "order_number_formatted", "total_shipping", "cart_tax", "shipping_tax", "total_discount", "total_refunded",
            "customer_user", "billing_email", "billing_phone", "billing_first_name", "billing_last_name",
            "line_items", "shipping_lines", "tax_lines", "fee_lines", "coupon_lines", "refunds",
            "download_permissions_granted",
        ),
        order_level=True,
    ),
    ExportFormat(
        "orders",
        "Customer/Order Export (SkyVerge): one row an article",
        {
            **_SKYVERGE_ORDER,
            "line_id": ("item_id",),
            "sku": ("item_sku", "item_product_id"),
            "title": ("item_name",),
            "quantity": ("item_quantity",),
            "unit_price": ("item_price",),
            "amount": ("item_total",),
            "line_refunded": ("item_refunded",),
        },
        marks=(
            *_SKYVERGE_MARKS, "item_id", "item_product_id", "item_name", "item_sku", "item_quantity", "item_subtotal",
            "item_total", "item_tax", "item_refunded", "item_refunded_qty", "item_meta",
        ),
    ),
    ExportFormat(
        "orders",
        "Customer/Order Export (SkyVerge): legacy",
        {
            "order_id": ("Order ID",),
            "status": ("Order Status",),
            "buyer_id": ("Billing Email",),
            "email": ("Billing Email",),
            "phone": ("Billing Phone",),
            "name": ("Billing First Name + Billing Last Name", "Shipping First Name + Shipping Last Name"),
            "placed_at": ("Date",),
            "order_total": ("Order Total",),
            "postage": ("Shipping",),
            "order_discount": ("Discount Total",),
            "sku": ("Item SKU",),
            "title": ("Item Name", "Order Items"),
            "quantity": ("Item Amount",),
            "country": ("Shipping Country", "Billing Country"),
            "region": ("Shipping State", "Billing State"),
            "city": ("Shipping City", "Billing City"),
        },
        marks=(
            "Order Items", "Item Variation", "Item Amount", "Row Price", "Billing Post code", "Shipping Post code",
            "Download Permissions Granted", "Fee Tax", "Shipping Tax", "Discount Total", "Billing First Name",
            "Billing Last Name", "Billing Email", "Customer Note",
        ),
        order_level=True,
    ),
)  # fmt: skip
SKYVERGE_CUSTOMERS = ExportFormat(
    "buyers",
    "Customers (SkyVerge)",
    {
        "buyer_id": ("customer_id", "ID", "email", "billing_email"),
        "email": ("email", "billing_email"),
        "name": ("first_name + last_name", "billing_first_name + billing_last_name", "billing_full_name"),
        "phone": ("billing_phone", "Phone"),
        "created_at": ("date_registered",),
        "country": ("billing_country", "Country"),
        "region": ("billing_state", "State"),
        "city": ("billing_city", "City"),
    },
    marks=(
        "date_registered", "billing_first_name", "billing_last_name", "billing_email", "billing_phone",
        "billing_postcode", "shipping_first_name", "shipping_postcode", "total_spent", "order_count", "Post code",
        "Address 2",
    ),
)  # fmt: skip

# WebToffee, "Order Export & Import" ("Import Export Suite"): `hf_csv_order_post_columns` of its order exporter, the
# page "Import and Export of WooCommerce Orders" of woocommerce.com/document, the header row of a file in a public
# importer. Articles follow as line_item_N, as "Product Item N ..." or, one row an article, as item_*: read are the
# first and the rows, and the report says that others are not (further_articles). What went back stands in refund_items.
WEBTOFFEE = ExportFormat(
    "orders",
    "Order Export & Import (WebToffee)",
    {
        **_PERSON,
        "order_id": ("order_id", "order_number"),
        "status": ("status",),
        "buyer_id": ("customer_id", "customer_user", "customer_email", "billing_email"),
        "email": ("customer_email", "billing_email"),
        "paid_at": ("paid_date",),
        "placed_at": ("order_date",),
        "currency": ("order_currency",),
        "order_total": ("order_total",),
        "postage": ("shipping_total",),
        "order_discount": ("discount_total", "cart_discount"),
        "refunded": ("refund_items",),
        "sku": ("Product Item 1 SKU", "item_sku", "item_product_id"),
        "title": ("Product Item 1 Name", "item_name"),
        "quantity": ("Product Item 1 Quantity", "item_quantity"),
    },
    marks=(
        "order_key", "customer_user", "customer_email", "customer_ip_address", "customer_user_agent",
        "payment_method_title", "transaction_id", "order_subtotal", "cart_discount", "line_item_1", "line_item_2",
        "Product Item 1 Name", "Product Item 1 id", "Product Item 1 SKU", "Product Item 1 Quantity",
        "Product Item 1 Total", "shipping_tax_total", "fee_tax_total", "billing_email", "billing_phone",
        "shipping_phone", "shipping_total", "discount_total", "wt_import_key", "order_currency", "refund_items",
        "paid_date", "download_permissions",
    ),
    sure=("wt_import_key",),
    order_level=True,
)  # fmt: skip
