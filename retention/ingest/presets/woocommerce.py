"""Exports of WooCommerce: its own, and those of the plug-ins most shops export with."""

from retention.ingest.presets.preset import ColumnPreset, ExportFormat

# "Advanced Order Export For WooCommerce": labels in the plug-in's source (core/class-wc-order-export-data-extractor-ui,
# text domain woo-order-export-lite) and its French translation; "Customer/Order/Coupon CSV Export" of SkyVerge:
# documents of that extension ("default" and "import" formats); WebToffee's "Order Export & Import": its sample CSV; the
# core's Analytics and product exports: packages/js and class-wc-product-csv-exporter.php of WooCommerce.
_SNAKE_ORDER = {
    "status": ("status", "order_status"),
    "buyer_id": ("customer_id", "customer_user", "customer_email", "billing_email"),
    "paid_at": ("paid_date", "date_paid", "paid_at"),
    "placed_at": ("order_date", "date", "date_created"),
    "currency": ("order_currency", "currency"),
    "order_total": ("order_total", "total"),
    "postage": ("shipping_total", "order_shipping"),
    "order_discount": ("discount_total", "cart_discount"),
    "refunded": ("refunded_total", "order_refund_amount"),
    "country": ("shipping_country", "billing_country"),
    "region": ("shipping_state", "billing_state"),
    "city": ("shipping_city", "billing_city"),
    "email": ("billing_email", "customer_email"),
    "phone": ("billing_phone", "shipping_phone"),
    "name": (
        "billing_first_name + billing_last_name", "shipping_first_name + shipping_last_name", "billing_full_name",
    ),
    "coupon": ("coupon_code",),
    "waybill": ("tracking_number",),
}  # fmt: skip

WOOCOMMERCE = ColumnPreset(
    "woocommerce",
    (
        ExportFormat(
            "orders",
            "Advanced Order Export",
            {
                "order_id": ("Order ID", "Order Number", "Numéro de commande", "Bestellnummer", "Número de pedido"),
                "buyer_id": (
                    "Customer ID", "Customer User ID", "User ID", "Billing Email", "Email (Billing)", "Customer Email",
                    "E-mail (Facturation)", "E-Mail (Rechnung)", "Correo electrónico (facturación)",
                ),
                "status": (
                    "Order Status", "Statut de la commande", "Bestellstatus", "Estado del pedido",
                ),
                "paid_at": ("Paid Date", "Date Paid", "Date de paiement"),
                "placed_at": ("Order Date", "Date Created", "Date de la commande", "Bestelldatum", "Fecha del pedido"),
                "currency": ("Order Currency", "Currency"),
                "sku": ("SKU", "Item SKU", "Product SKU"),
                "title": ("Item Name", "Product Name", "Nom de l'article", "Artikelname", "Nombre del artículo"),
                "quantity": (
                    "Quantity", "Item Quantity", "Quantity (- Refund)", "Quantité", "Menge", "Cantidad",
                    "Quantité (- Remboursement)",
                ),
                "unit_price": ("Item Cost", "Item Price", "Coût de l'article", "Artikelkosten"),
                "order_total": (
                    "Order Total Amount", "Order Total", "Montant total de la commande", "Gesamtbetrag der Bestellung",
                ),
                "refunded": (
                    "Order Refund Amount", "Refund Amount", "Montant du remboursement de la commande",
                ),
                "postage": (
                    "Order Shipping Amount", "Shipping Amount", "Shipping Cost", "Montant de la livraison",
                ),
                "order_discount": ("Cart Discount Amount", "Montant de la remise panier"),
                "country": (
                    "Country Code (Shipping)", "Country Name (Shipping)", "Shipping Country", "Country Code (Billing)",
                    "Billing Country", "Code du pays (Livraison)", "Code du pays (Facturation)",
                ),
                "region": (
                    "State Code (Shipping)", "State Name (Shipping)", "Shipping State", "State Code (Billing)",
                    "Billing State",
                ),
                "city": (
                    "City (Shipping)", "Shipping City", "City (Billing)", "Billing City", "Ville (Livraison)",
                    "Ville (Facturation)",
                ),
                "email": (
                    "Email (Billing)", "Billing Email", "Customer Email", "E-mail (Facturation)", "E-Mail (Rechnung)",
                    "Correo electrónico (facturación)",
                ),
                "phone": ("Phone (Billing)", "Billing Phone", "Phone (Shipping)", "Téléphone (Facturation)"),
                "name": (
                    "First Name (Billing) + Last Name (Billing)", "First Name (Shipping) + Last Name (Shipping)",
                    "Full Name (Billing)", "Full Name (Shipping)", "Billing First Name + Billing Last Name",
                    "Prénom (Facturation) + Nom de famille (Facturation)",
                ),
                "coupon": ("Coupon Code", "Coupon Codes"),
            },
            marks=(
                "First Name (Billing)", "Last Name (Billing)", "Address 1&2 (Billing)", "City (Billing)",
                "State Code (Billing)", "Postcode (Billing)", "Country Code (Billing)", "Email (Billing)",
                "Phone (Billing)", "First Name (Shipping)", "Last Name (Shipping)", "Address 1&2 (Shipping)",
                "City (Shipping)", "State Code (Shipping)", "Postcode (Shipping)", "Country Code (Shipping)",
                "Payment Method Title", "Cart Discount Amount", "Order Subtotal Amount", "Shipping Method Title",
                "Order Shipping Amount", "Order Refund Amount", "Order Total Amount", "Order Total Tax Amount",
                "Item Cost", "Customer User ID", "Quantity (- Refund)", "Customer Note", "Billing First Name",
                "Billing Last Name", "Billing Email", "E-mail (Facturation)", "Téléphone (Facturation)",
                "Montant total de la commande", "Sous-total de la commande", "Montant de la remise panier",
                "Code du pays (Facturation)", "Ville (Facturation)", "Statut de la commande", "E-Mail (Rechnung)",
                "Gesamtbetrag der Bestellung", "Correo electrónico (facturación)",
            ),
            order_level=True,
        ),
        ExportFormat(
            "orders",
            "Customer/Order CSV Export (SkyVerge)",
            {
                **_SNAKE_ORDER,
                "order_id": ("order_id", "order_number_formatted", "order_number"),
                "line_id": ("item_id",),
                "sku": ("item_sku", "item_product_id"),
                "title": ("item_name",),
                "quantity": ("item_quantity",),
                "unit_price": ("item_price",),
            },
            marks=(
                "order_number_formatted", "shipping_total", "shipping_tax_total", "fee_total", "fee_tax_total",
                "tax_total", "discount_total", "refunded_total", "order_currency", "billing_email", "billing_phone",
                "billing_first_name", "billing_last_name", "item_product_id", "item_name", "item_sku", "item_quantity",
                "item_subtotal", "item_total", "item_refunded", "item_refunded_qty", "item_meta",
                "download_permissions", "line_items", "shipping_items", "coupon_items",
            ),
            order_level=True,
        ),
        ExportFormat(
            "orders",
            "Order Export & Import (WebToffee)",
            {
                **_SNAKE_ORDER,
                "order_id": ("order_id", "order_number"),
                "sku": ("Product Item 1 SKU", "line_item_sku"),
                "title": ("Product Item 1 Name", "line_item_name"),
                "quantity": ("line_item_quantity",),
            },
            marks=(
                "order_key", "customer_user", "customer_ip_address", "customer_user_agent", "payment_method_title",
                "order_subtotal", "cart_discount", "line_item_1", "Product Item 1 Name", "Product Item 1 SKU",
                "shipping_tax_total", "fee_tax_total", "billing_email", "billing_phone", "shipping_total",
                "discount_total", "wt_import_key", "order_currency", "refund_items",
            ),
            order_level=True,
        ),
        ExportFormat(
            "orders",
            "Analytics (core)",
            {
                "order_id": ("Order #", "N° de commande", "Bestellung #", "Pedido n.º"),
                "placed_at": ("Date", "Datum", "Fecha"),
                "status": ("Status", "État", "Estado"),
                "name": ("Customer", "Client", "Kunde", "Cliente"),
                "title": ("Product(s)", "Produit(s)", "Produkt(e)", "Producto(s)"),
                "quantity": ("Items sold", "Articles vendus"),
                "amount": ("Net sales", "N. Revenue", "Ventes nettes"),
                "coupon": ("Coupon(s)",),
            },
            marks=(
                "Order #", "Items sold", "Customer type", "Product(s)", "Coupon(s)", "N. Revenue (formatted)",
                "Attribution", "Net sales",
            ),
            without=("Customer",),
            order_level=True,
        ),
        ExportFormat(
            "buyers",
            "Customers (core, SkyVerge)",
            {
                "buyer_id": ("customer_id", "Customer ID", "Email", "billing_email"),
                "email": ("Email", "email", "billing_email"),
                "name": ("Name", "first_name + last_name", "billing_first_name + billing_last_name"),
                "phone": ("billing_phone",),
                "created_at": ("Date registered", "Sign up", "date_registered"),
                "country": ("Country / Region", "Country", "billing_country"),
                "region": ("Region", "billing_state"),
                "city": ("City", "billing_city"),
            },
            marks=(
                "Last active", "Date registered", "Sign up", "AOV", "Total spend", "Country / Region", "Username",
                "date_registered", "billing_first_name", "billing_email", "total_spent", "order_count",
            ),
        ),
        ExportFormat(
            "products",
            "Products (core)",
            {
                "title": ("Name", "Nom", "Nombre"),
                "price": ("Regular price", "Tarif régulier", "Regulärer Preis", "Precio normal"),
                "category": ("Categories", "Catégories", "Kategorien", "Categorías"),
                "stock": ("Stock", "Lager"),
                "sku": ("SKU", "UGS", "Artikelnummer"),
            },
            marks=(
                "Published", "Is featured?", "Visibility in catalog", "Short description", "Tax status", "Tax class",
                "In stock?", "Backorders allowed?", "Sold individually?", "Regular price", "Sale price", "Categories",
                "Upsells", "Cross-sells", "External URL", "Visibilité dans le catalogue", "Tarif régulier",
                "Sichtbarkeit im Katalog", "Regulärer Preis", "Visibilidad en el catálogo", "Precio normal",
            ),
        ),
    ),
)  # fmt: skip
