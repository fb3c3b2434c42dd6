"""Exports of shop systems: Magento, PrestaShop, Odoo, Square."""

from retention.ingest.presets.preset import ColumnPreset, ExportFormat

# Magento 2 / Adobe Commerce, Sales > Orders > Export: header printed by a test of the module Magento_Ui
# (sales_order_grid.csv), columns described in "Orders" of the Adobe Commerce user guide.
MAGENTO = ColumnPreset(
    "magento",
    (
        ExportFormat(
            "orders",
            "Orders grid",
            {
                "order_id": ("ID", "Increment ID", "Order #"),
                "buyer_id": ("Customer Email",),
                "email": ("Customer Email",),
                "status": ("Status",),
                "placed_at": ("Purchase Date",),
                "order_total": ("Grand Total (Base)", "Grand Total (Purchased)"),
                "postage": ("Shipping and Handling",),
                "refunded": ("Total Refunded",),
                "name": ("Customer Name", "Bill-to Name", "Ship-to Name"),
                "channel": ("Purchase Point",),
            },
            marks=(
                "Purchase Point", "Purchase Date", "Bill-to Name", "Ship-to Name", "Grand Total (Base)",
                "Grand Total (Purchased)", "Shipping Information", "Customer Group", "Shipping and Handling",
                "Total Refunded", "Allocated sources", "Pickup Location Code",
            ),
            order_level=True,
        ),
        ExportFormat(
            "buyers",
            "Customers grid",
            {
                "buyer_id": ("Email",),
                "email": ("Email",),
                "name": ("Name",),
                "phone": ("Phone",),
                "country": ("Country",),
                "region": ("State/Province",),
                "city": ("City",),
                "created_at": ("Customer Since",),
                "birthday": ("Date of Birth",),
            },
            marks=(
                "Customer Since", "State/Province", "Confirmed email", "Account Created in", "Account Lock",
                "Web Site", "Tax VAT Number", "ZIP",
            ),
        ),
    ),
)  # fmt: skip

# PrestaShop back office, Orders > Export (semicolons, in the language of the employee): OrderController::exportAction
# of PrestaShop (ID, Reference, New client, Delivery, Customer, Total, Payment, Status, Date; Company in shops for
# firms). A cart that was split makes several orders of one reference, so an order's number is its ID. ps_orders and
# ps_order_detail for exports of the SQL manager.
PRESTASHOP = ColumnPreset(
    "prestashop",
    (
        ExportFormat(
            "orders",
            "Orders",
            {
                "order_id": ("ID", "Reference", "Référence", "Referenz", "Bestellnummer", "Referencia", "Riferimento"),
                "name": ("Customer", "Client", "Kunde", "Cliente"),
                "country": ("Delivery", "Livraison", "Lieferung", "Entrega", "Consegna"),
                "order_total": ("Total", "Gesamt", "Totale"),
                "status": ("Status", "État", "Estado", "Stato"),
                "placed_at": ("Date", "Datum", "Fecha", "Data"),
            },
            sure=("New client", "Nouveau client", "Neuer Kunde", "Cliente nuevo", "Nuevo cliente", "Nuovo cliente"),
            without=("Customer",),
            order_level=True,
            not_verified="the headers that are not English.",
        ),
        ExportFormat(
            "orders",
            "SQL manager (ps_orders, ps_order_detail)",
            {
                "order_id": ("id_order", "reference"),
                "buyer_id": ("id_customer",),
                "email": ("email",),
                "name": ("firstname + lastname",),
                "status": ("order_state", "osname", "current_state_name"),
                "placed_at": ("date_add", "invoice_date"),
                "updated_at": ("date_upd",),
                "line_id": ("id_order_detail",),
                "order_total": ("total_paid_tax_incl", "total_paid"),
                "postage": ("total_shipping_tax_incl", "total_shipping"),
                "order_discount": ("total_discounts_tax_incl", "total_discounts"),
                "title": ("product_name",),
                "sku": ("product_reference",),
                "quantity": ("product_quantity",),
                "unit_price": ("unit_price_tax_incl", "product_price"),
            },
            marks=(
                "id_order", "id_customer", "total_paid_tax_incl", "total_paid_real", "total_paid", "total_products_wt",
                "total_shipping_tax_incl", "id_order_detail", "product_reference", "product_quantity", "date_add",
                "date_upd", "unit_price_tax_incl",
            ),
            order_level=True,
        ),
        ExportFormat(
            "buyers",
            "Customers",
            {
                "buyer_id": (
                    "Email address", "Email", "Adresse e-mail", "E-Mail", "Correo electrónico", "Indirizzo email",
                ),
                "email": (
                    "Email address", "Email", "Adresse e-mail", "E-Mail", "Correo electrónico", "Indirizzo email",
                ),
                "name": (
                    "First name + Last name", "Prénom + Nom", "Vorname + Nachname", "Nombre + Apellidos",
                    "Nome + Cognome",
                ),
                "email_consent": ("Newsletter", "Lettre d'informations", "Boletín de noticias"),
                "created_at": ("Registration", "Inscription", "Registrierung", "Registro", "Registrazione"),
            },
            marks=(
                "Social title", "Titre de civilité", "Partner offers", "Offres partenaires", "Last visit",
                "Dernière visite", "Letzter Besuch",
            ),
            no_is_vague=True,
        ),
    ),
)  # fmt: skip

# Odoo, Sales > Orders > Export: labels or, with "I want to update data", technical names of sale.order and
# sale.order.line, in the language of the user. English, German (Auftragszeilen/Menge), French (Lignes de la
# commande/Total, also Produit for Article), Spanish (Líneas del pedido/Cantidad) and Chinese (订单行/数量, before that
# 订购数量) headers as public readers of such files name them; 总计, 货币, 创建日期, Precio unitario and Total from
# addons/sale/i18n of Odoo 9 and 12. Rows after the first of an order leave its columns blank; a discount is a line with
# a negative price (sale_loyalty, the wizard sale.order.discount).
ODOO = ColumnPreset(
    "odoo",
    (
        ExportFormat(
            "orders",
            "Sales orders",
            {
                "order_id": (
                    "Order Reference", "Number", "name", "Référence commande", "Référence de la commande",
                    "Auftragsreferenz", "Referencia del pedido", "订单关联", "订单参考", "订单号",
                ),
                "buyer_id": (
                    "Customer/Email", "partner_id/email", "Customer/ID", "partner_id/id", "Customer/External ID",
                    "Customer/Reference", "Client/ID", "Kunde/ID", "Cliente/ID", "Customer", "partner_id", "Client",
                    "Kunde", "Cliente", "客户",
                ),
                "email": ("Customer/Email", "partner_id/email", "客户/电子邮件", "客户/EMail"),
                "phone": (
                    "Customer/Phone", "Customer/Mobile", "partner_id/phone", "partner_id/mobile", "Cliente/Teléfono",
                    "客户/电话",
                ),
                "name": (
                    "Customer/Name", "Customer", "partner_id/name", "partner_id", "Client", "Kunde", "Cliente", "客户",
                ),
                "country": ("Customer/Country", "partner_id/country_id"),
                "city": ("Customer/City", "partner_id/city", "Dirección de entrega/Ciudad"),
                "status": ("Status", "state", "Statut", "Estado", "Order Status", "状态"),
                "placed_at": (
                    "Order Date", "Creation Date", "date_order", "Date de la commande", "Auftragsdatum",
                    "Fecha de la orden", "订单日期", "单据日期", "创建日期",
                ),
                "updated_at": ("Last Updated on", "write_date"),
                "currency": ("Currency", "currency_id", "Devise", "Währung", "Moneda", "货币"),
                "order_total": ("Total", "amount_total", "Gesamt", "总计", "合计"),
                "title": (
                    "Order Lines/Product/Name", "Order Lines/Product", "Order Lines/Products", "Order Lines",
                    "Order Lines/Description", "order_line/product_id", "order_line/name",
                    "Lignes de la commande/Article", "Lignes de la commande/Produit",
                    "Lignes de la commande/Description", "Auftragszeilen/Produkt/Name", "Auftragszeilen/Produkt",
                    "Líneas del pedido/Producto/Nombre", "Líneas del pedido/Producto", "Líneas del pedido/Descripción",
                    "订单行/产品", "订单行/说明",
                ),
                "sku": (
                    "Order Lines/Product/Internal Reference", "order_line/product_id/default_code",
                    "Lignes de la commande/Article/ID", "Auftragszeilen/Produkt/Interne Referenz",
                    "Líneas del pedido/Producto/Referencia interna", "订单行/产品/内部参考号", "订单行/产品/内部参考",
                ),
                "quantity": (
                    "Order Lines/Quantity", "Order Lines/Ordered Quantity", "order_line/product_uom_qty",
                    "Order Lines/Invoiced Quantity", "Lignes de la commande/Quantité",
                    "Lignes de la commande/Quantité facturée", "Auftragszeilen/Menge", "Líneas del pedido/Cantidad",
                    "订单行/数量", "订单行/订购数量",
                ),
                "unit_price": (
                    "Order Lines/Unit Price", "order_line/price_unit", "Lignes de la commande/Prix unitaire",
                    "Auftragszeilen/Einzelpreis", "Líneas del pedido/Precio unitario", "订单行/单价",
                ),
                "amount": (
                    "Order Lines/Total", "Order Lines/Subtotal", "order_line/price_total", "order_line/price_subtotal",
                    "Lignes de la commande/Total", "Lignes de la commande/Sous-total", "Auftragszeilen/Gesamt",
                    "Auftragszeilen/Zwischensumme", "Líneas del pedido/Total", "Líneas del pedido/Subtotal",
                    "订单行/总计", "订单行/小计",
                ),
                "line_id": ("Order Lines/ID", "order_line/id", "Order Lines/External ID"),
            },
            marks=(
                "Order Reference", "Salesperson", "Sales Team", "Invoice Status", "Delivery Status", "Untaxed Amount",
                "Order Lines", "Order Lines/Product", "Order Lines/Products", "Order Lines/Product/Name",
                "Order Lines/Description", "Order Lines/Quantity", "Order Lines/Unit Price", "Order Lines/Subtotal",
                "Order Lines/Total", "Order Lines/Ordered Quantity", "Order Lines/Product/Internal Reference",
                "date_order", "partner_id", "partner_id/id", "amount_total", "invoice_status",
                "order_line/product_id", "order_line/name", "order_line/price_unit", "order_line/product_uom_qty",
                "order_line/price_total", "Référence commande", "Vendeur", "Vendeur/ID",
                "Lignes de la commande/Article", "Lignes de la commande/Article/ID",
                "Lignes de la commande/Produit", "Lignes de la commande/Quantité",
                "Lignes de la commande/Prix unitaire", "Lignes de la commande/Total", "Auftragsreferenz",
                "Auftragszeilen/Produkt", "Auftragszeilen/Produkt/Name", "Auftragszeilen/Produkt/Interne Referenz",
                "Auftragszeilen/Menge", "Auftragszeilen/Einzelpreis", "Líneas del pedido/Producto",
                "Líneas del pedido/Cantidad", "Líneas del pedido/Precio unitario", "Líneas del pedido/Descripción",
                "Referencia del pedido", "订单关联", "销售员", "销售人员", "销售团队", "开票状态",
                "订单行/产品", "订单行/数量", "订单行/订购数量", "订单行/单价", "订单行/小计",
            ),
            not_verified=(
                "`Auftragsdatum`, `Fecha de la orden`, German amounts of lines, the customer's columns (`客户/电话`)."
            ),
        ),
        ExportFormat(  # the lines of orders as a list of their own, or an order's own columns with short labels
            "orders",
            "Sales order lines",
            {
                "order_id": ("Order Reference", "Order"),
                "buyer_id": ("Customer",),
                "placed_at": ("Order Date",),
                "title": ("Product", "Description"),
                "quantity": ("Quantity", "Ordered Quantity"),
                "amount": ("Total", "Subtotal"),
            },
            marks=("Order Reference", "Product", "Unit Price", "Subtotal"),
        ),
        ExportFormat(
            "buyers",
            "Contacts",
            {
                "buyer_id": ("Email", "email", "External ID", "id"),
                "email": ("Email", "email"),
                "name": ("Name", "Display Name", "display_name", "Complete Name"),
                "phone": ("Mobile", "Phone", "mobile", "phone"),
                "country": ("Country", "country_id"),
                "region": ("State", "state_id"),
                "city": ("City", "city"),
                "created_at": ("Created on", "create_date"),
            },
            marks=(
                "Salesperson", "Activities", "Display Name", "display_name", "Related Company", "Is a Company",
                "country_id", "state_id", "Customer Rank", "External ID", "Complete Name",
            ),
        ),
    ),
)  # fmt: skip

# Square Dashboard, Sales > Transactions > Export: "Items Detail CSV" (35 columns, quoted verbatim in a public review
# of exports) and "Transactions CSV" (55 columns); Customer Directory export. Day and time are two columns.
_SQUARE_ORDER = {
    "order_id": ("Transaction ID",),
    "buyer_id": ("Customer ID", "Customer Reference ID"),
    "name": ("Customer Name",),
    "paid_at": ("Date + Time", "Date"),
    "status": ("Event Type",),
    "channel": ("Channel", "Source"),
}
SQUARE = ColumnPreset(
    "square",
    (
        ExportFormat(
            "orders",
            "Items detail",
            {
                **_SQUARE_ORDER,
                "title": ("Item",),
                "sku": ("SKU", "Token"),
                "category": ("Category",),
                "quantity": ("Qty",),
                "amount": ("Net Sales",),
            },
            marks=(
                "Price Point Name", "Modifiers Applied", "Gross Sales", "Net Sales", "Itemization Type", "Event Type",
                "Dining Option", "Device Name", "Payment ID", "Customer Reference ID", "Commission",
            ),
        ),
        ExportFormat(
            "orders",
            "Transactions",
            {
                **_SQUARE_ORDER,
                "title": ("Description",),
                "amount": ("Net Sales", "Total Collected"),
                "refunded": ("Partial Refunds",),
            },
            marks=(
                "Gross Sales", "Service Charges", "Net Sales", "Gift Card Sales", "Partial Refunds", "Total Collected",
                "Card Entry Methods", "Square Gift Card", "Other Tender", "Net Total", "PAN Suffix", "Event Type",
                "Deposit ID", "Customer Reference ID", "Dining Option",
            ),
        ),
        ExportFormat(
            "buyers",
            "Customer directory",
            {
                "buyer_id": ("Square Customer ID", "Reference ID", "Email Address"),
                "email": ("Email Address",),
                "name": ("First Name + Last Name",),
                "phone": ("Phone Number",),
                "birthday": ("Birthday",),
                "city": ("City",),
                "region": ("State",),
                "email_consent": ("Email Subscription Status",),
                "created_at": ("First Visit",),
            },
            marks=(
                "Square Customer ID", "Email Subscription Status", "Instant Profile", "First Visit", "Last Visit",
                "Transaction Count", "Lifetime Spend", "Creation Source",
            ),
        ),
    ),
)  # fmt: skip
