"""Previews: a campaign's message as one real buyer would read it, by the renderer of the send."""

from pyroaring import BitMap
from sqlmodel import Session

from campaigns.campaigns import Campaign
from campaigns.offers.offers import Offer
from campaigns.texts.messages import Text, choose_language, render
from campaigns.texts.wording import message_values
from retention.buyers import Buyer
from retention.products import Product
from retention.shops import Shop

SAMPLE_CODE = "23456789"
"""Stands where the buyer's own code will: the code is made at launch."""


def preview(session: Session, shop: Shop, campaign: Campaign, buyer: Buyer) -> Text:
    """Return subject and body for `buyer`; Invalid when the text cannot be made."""
    offer = session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    language = choose_language(campaign.content, buyer.language, shop.language)
    values = message_values(
        shop,
        buyer,
        product=session.get(Product, campaign.product_id) if campaign.product_id else None,
        offer=offer,
        code=SAMPLE_CODE if offer else "",
        ends=offer.ends_at if offer else None,
        link=f"https://shop.example/Q/{SAMPLE_CODE}",
        language=language,
    )
    return render(campaign.content, values, language=language)


def first_of(session: Session, buyers: BitMap) -> Buyer | None:
    """Return the buyer of a set to preview with, or None when it is empty."""
    return session.get(Buyer, buyers.min()) if buyers else None
