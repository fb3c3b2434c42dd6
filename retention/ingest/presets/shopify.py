"""Exports of Shopify: orders, customers, products."""

from retention.ingest.presets.preset import ColumnPreset, ExportFormat

# help.shopify.com: "Exporting orders" (columns stay English whatever the language of the admin), "Importing and
# exporting customer lists" (a new and an old form), "Using CSV files to import and export products"; Matrixify's
# customer sheet for "Email Marketing: Status". An order's columns stand on its first row only.
SHOPIFY = ColumnPreset(
    "shopify",
    (
        ExportFormat(
            "orders",
            "Orders",
            {
                "order_id": ("Name",),
                "buyer_id": ("Email",),
                "email": ("Email",),
                "status": ("Financial Status",),
                "paid_at": ("Paid at",),
                "placed_at": ("Created at",),
                "cancelled_at": ("Cancelled at",),
                "shipped_at": ("Fulfilled at",),
                "currency": ("Currency",),
                "order_total": ("Total",),
                "postage": ("Shipping",),
                "order_discount": ("Discount Amount",),
                "refunded": ("Refunded Amount",),
                "sku": ("Lineitem sku",),
                "title": ("Lineitem name",),
                "quantity": ("Lineitem quantity",),
                "unit_price": ("Lineitem price",),
                "country": ("Shipping Country", "Billing Country"),
                "region": (
                    "Shipping Province Name", "Shipping Province", "Billing Province Name", "Billing Province",
                ),
                "city": ("Shipping City", "Billing City"),
                "name": ("Shipping Name", "Billing Name"),
                "phone": ("Phone", "Shipping Phone", "Billing Phone"),
                "coupon": ("Discount Code",),
                "channel": ("Source",),
            },
            marks=(
                "Financial Status", "Fulfillment Status", "Fulfilled at", "Accepts Marketing", "Lineitem quantity",
                "Lineitem name", "Lineitem price", "Lineitem compare at price", "Lineitem sku",
                "Lineitem requires shipping", "Lineitem taxable", "Lineitem fulfillment status", "Outstanding Balance",
                "Risk Level", "Receipt Number", "Cancelled at", "Note Attributes", "Refunded Amount",
            ),
            sure=("Financial Status", "Lineitem name", "Lineitem quantity"),
            order_level=True,
        ),
        ExportFormat(
            "buyers",
            "Customers",
            {
                "buyer_id": ("Email",),
                "email": ("Email",),
                "name": ("First Name + Last Name", "First Name", "Last Name"),
                "phone": ("Phone", "Default Address Phone"),
                "country": ("Default Address Country Code", "Country Code", "Country"),
                "region": ("Default Address Province Code", "Province Code", "Province"),
                "city": ("Default Address City", "City"),
                "email_consent": (
                    "Email Marketing: Status", "Email Marketing Status", "Accepts Email Marketing", "Accepts Marketing",
                ),
                "email_consent_at": ("Email Marketing: Updated At",),
                "sms_consent": ("SMS Marketing: Status", "SMS Marketing Status", "Accepts SMS Marketing"),
                "sms_consent_at": ("SMS Marketing: Updated At",),
            },
            marks=(
                "Accepts Email Marketing", "Accepts SMS Marketing", "Accepts Marketing", "Total Spent", "Total Orders",
                "Tax Exempt", "Default Address Company", "Default Address Address1", "Default Address City",
                "Default Address Province Code", "Default Address Country Code", "Default Address Zip",
                "Default Address Phone", "Email Marketing: Status", "SMS Marketing: Status",
            ),
            sure=("Accepts Email Marketing", "Accepts SMS Marketing", "Email Marketing: Status"),
            no_is_vague=True,
        ),
        ExportFormat(
            "products",
            "Products",
            {
                "sku": ("Variant SKU", "SKU"),
                "title": ("Title",),
                "category": ("Product Category", "Type"),
                "brand": ("Vendor",),
                "price": ("Variant Price", "Price"),
                "stock": ("Variant Inventory Qty", "Inventory quantity"),
            },
            marks=(
                "Handle", "Body (HTML)", "Vendor", "Variant SKU", "Variant Price", "Variant Grams", "Option1 Name",
                "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy", "Image Src",
                "Variant Compare At Price", "Gift Card", "SEO Title", "URL handle",
            ),
        ),
    ),
)  # fmt: skip
