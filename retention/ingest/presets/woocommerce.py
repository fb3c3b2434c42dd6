"""Exports of WooCommerce itself: Analytics, customers, products. Those of its plug-ins stand beside."""

from retention.ingest.presets.preset import ColumnPreset, ExportFormat
from retention.ingest.presets.woocommerce_plugins import ADVANCED, SKYVERGE, SKYVERGE_CUSTOMERS, WEBTOFFEE

# woocommerce/woocommerce: Admin/API/Reports/Orders/Controller.php (`N. Revenue (formatted)`, `Net Sales`, before that
# `N. Revenue`) and Reports/Customers/Controller.php, which the worker exports, client/analytics/report/*/table.js,
# which the browser does (without `N. Revenue`); export/class-wc-product-csv-exporter.php. Translations of the first
# two: the language packs woocommerce-{de_DE,fr_FR,es_ES,it_IT,zh_CN}-*.json of analytics-report-orders.js and
# analytics-report-customers.js (2023, German 2026); a French file in the sample of a public dashboard. Those of
# products: importers that read German, French and Spanish exports, several names for one where the packs changed. A
# refund is a row of its own, with the number of its order, the day it was given and a negative net amount
# (OrderAwareControllerTrait.php), so that rows are lines; `N. Revenue (formatted)` is the order's total on each of
# them.
_ANALYTICS = ExportFormat(
    "orders",
    "Analytics (core)",
    {
        "order_id": ("Order #", "Commande n°", "Bestellnummer #", "Bestellung #", "Pedido #", "Ordine n.", "订单号"),
        "placed_at": ("Date", "Datum", "Fecha", "Data", "日期"),
        "status": ("Status", "État", "Estado", "Stato", "状态"),
        "name": ("Customer", "Client", "Kunde", "Cliente", "客户"),
        "title": ("Product(s)", "Produit(s)", "Produkt(e)", "Producto(s)", "Prodotto/prodotti", "产品"),
        "quantity": (
            "Items sold", "Articles vendus", "Verkaufte Artikel", "Artículos vendidos", "Elementi venduti", "售出项目",
        ),
        "amount": (
            "Net sales", "N. Revenue", "N. Revenue (formatted)", "Ventes nettes", "Nettoumsatz", "Ventas netas",
            "Vendite nette", "净销售额",
        ),
        "coupon": (
            "Coupon(s)", "Code(s) promo", "Gutschein(e)", "Cupón(es)", "Codici promozionali", "优惠券",
        ),
    },
    marks=(
        "Order #", "Items sold", "Customer type", "Product(s)", "Coupon(s)", "N. Revenue (formatted)", "N. Revenue",
        "Attribution", "Net sales", "Commande n°", "Articles vendus", "Type de client", "Produit(s)", "Code(s) promo",
        "Ventes nettes", "Bestellnummer #", "Bestellung #", "Verkaufte Artikel", "Kundentyp", "Produkt(e)",
        "Gutschein(e)", "Nettoumsatz", "Pedido #", "Artículos vendidos", "Tipo de cliente", "Producto(s)", "Cupón(es)",
        "Ventas netas", "Ordine n.", "Elementi venduti", "Tipo di cliente", "Prodotto/prodotti", "Vendite nette",
        "售出项目", "客户类型", "净销售额",
    ),
    without=("Customer",),
)  # fmt: skip

_CUSTOMERS = ExportFormat(
    "buyers",
    "Customers (core)",
    {
        "buyer_id": ("Email", "E-mail", "Correo electrónico", "电子邮件"),
        "email": ("Email", "E-mail", "Correo electrónico", "电子邮件"),
        "name": ("Name", "Nom", "Nombre", "名称"),
        "created_at": (
            "Date registered", "Sign Up", "Registrierungsdatum", "Date d'inscription", "Fecha de registro", "注册日期",
        ),
        "country": ("Country / Region", "Country", "Land / Region", "Pays/région", "País / Región", "国家/地区"),
        "region": ("Region", "Région", "Región", "地区"),
        "city": ("City", "Stadt", "Ville", "Ciudad", "城市"),
    },
    marks=(
        "Last active", "Date registered", "Sign up", "AOV", "Total spend", "Country / Region", "Username",
        "Zuletzt aktiv", "Registrierungsdatum", "Gesamtbestellwert", "Gesamtausgaben", "Land / Region",
        "Durschnittlicher Bestellwert", "Dernière activité", "Date d'inscription", "Dépense totale", "Pays/région",
        "Última actividad", "Fecha de registro", "Gasto total", "VMP", "País / Región", "上次活动", "总支出", "总花费",
        "国家/地区",
    ),
)  # fmt: skip

_PRODUCTS = ExportFormat(
    "products",
    "Products (core)",
    {
        "title": ("Name", "Nom", "Nombre"),
        "price": (
            "Regular price", "Tarif régulier", "Prix régulier", "Regulärer Preis", "Normaler Preis", "Precio normal",
            "Precio regular",
        ),
        "category": ("Categories", "Catégories", "Kategorien", "Categorías"),
        "brand": ("Brands",),
        "stock": ("Stock", "Lager", "Bestand", "Lagerbestand", "Inventario"),
        "sku": ("SKU", "UGS", "Artikelnummer", "Art.-Nr."),
    },
    marks=(
        "Published", "Is featured?", "Visibility in catalog", "Short description", "Tax status", "Tax class",
        "In stock?", "Backorders allowed?", "Sold individually?", "Regular price", "Sale price", "Categories",
        "Upsells", "Cross-sells", "External URL", "Publié", "Mis en avant ?", "Visibilité dans le catalogue",
        "Description courte", "En stock ?", "Tarif régulier", "Prix régulier", "Veröffentlicht", "Ist hervorgehoben?",
        "Sichtbarkeit im Katalog", "Katalogsichtbarkeit", "Kurzbeschreibung", "Vorrätig?", "Regulärer Preis",
        "Normaler Preis", "Publicado", "¿Está destacado?", "Visibilidad en el catálogo", "Descripción corta",
        "¿En inventario?", "Precio normal", "Precio regular",
    ),
)  # fmt: skip

WOOCOMMERCE = ColumnPreset(
    "woocommerce",
    (ADVANCED, *SKYVERGE, WEBTOFFEE, _ANALYTICS, _CUSTOMERS, SKYVERGE_CUSTOMERS, _PRODUCTS),
)
