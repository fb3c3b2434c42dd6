"""Delivery of one-time links: by the shop's own mail sender, else through the user who asked for it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from campaigns.channels.notices import mail_person
from retention import invitations
from retention.database import reading
from retention.i18n import gettext as _
from retention.i18n import speaking
from retention.invitations import LinkPurpose, OneTimeLink
from retention.shops import Shop


@dataclass(frozen=True)
class Handed:
    """A link that was made. `address` is empty when it was mailed: then nobody but its person sees it."""

    email: str
    expires_at: datetime
    address: str

    @property
    def mailed(self) -> bool:
        """Tell whether the link is on its way by mail."""
        return not self.address


def hand_over(engine: Engine, shop: Shop, link: OneTimeLink, secret: str, *, public_url: str) -> Handed:
    """Mail a link that stands in the database, or return it to be handed over by a person."""
    address = invitations.address_of(public_url, secret)
    with speaking(shop.language):
        subject, text = _letter(shop, link, address)
    with reading(engine) as session:
        mailed = mail_person(session, shop, to=link.email, subject=subject, text=text)
    return Handed(link.email, link.expires_at, "" if mailed else address)


def _letter(shop: Shop, link: OneTimeLink, address: str) -> tuple[str, str]:
    if link.purpose is LinkPurpose.INVITATION:
        subject = _("You are invited to {shop}").format(shop=shop.name)
        text = _("Open this link within seven days to join {shop} on Regulars. It can be used once:\n\n{link}")
    else:
        subject = _("Choose a new password for {shop}").format(shop=shop.name)
        text = _("Open this link within a day to choose a new password. It works once:\n\n{link}")
    return subject, text.format(shop=shop.name, link=address)
