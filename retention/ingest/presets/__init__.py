"""Column presets: values only. How a header is matched stands in `retention.ingest.columns` beside this package."""

from retention.errors import Invalid
from retention.ingest.presets.china import DOUYIN, JD, PINDUODUO, TAOBAO, TMALL, YOUZAN
from retention.ingest.presets.generic import GENERIC, KINDS, NEEDED, SPELLINGS
from retention.ingest.presets.marketplaces import AMAZON, EBAY, ETSY, LAZADA, SHOPEE
from retention.ingest.presets.newsletters import KLAVIYO, MAILCHIMP
from retention.ingest.presets.preset import ColumnPreset, ExportFormat, Names
from retention.ingest.presets.shop_systems import MAGENTO, ODOO, PRESTASHOP, SQUARE
from retention.ingest.presets.shopify import SHOPIFY
from retention.ingest.presets.woocommerce import WOOCOMMERCE

AUTO = "auto"
"""The preset that is found from the header."""

PRESETS = {
    each.name: each
    for each in (
        GENERIC, TAOBAO, TMALL, JD, PINDUODUO, DOUYIN, YOUZAN, SHOPIFY, WOOCOMMERCE, MAGENTO, PRESTASHOP, ODOO, ETSY,
        EBAY, AMAZON, SQUARE, SHOPEE, LAZADA, KLAVIYO, MAILCHIMP,
    )
}  # fmt: skip

CHOICES = (AUTO, *PRESETS)
"""What a person may name."""

__all__ = [
    "AUTO", "CHOICES", "GENERIC", "KINDS", "NEEDED", "PRESETS", "SPELLINGS", "ColumnPreset", "ExportFormat",
    "Names", "check_preset",
]  # fmt: skip


def check_preset(name: str) -> None:
    """Raise Invalid for the name of no preset."""
    if name not in CHOICES:
        raise Invalid("There is no preset {name}. Use one of {known}.", name=repr(name), known=", ".join(CHOICES))
