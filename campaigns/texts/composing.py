"""Composing: one delivery's message, whatever it goes by. The campaign gives the text, the medium its form."""

from datetime import datetime

from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message
from campaigns.texts import mail, texts
from campaigns.texts.mail import MessageContext, SenderIdentity


def compose(context: MessageContext, identity: SenderIdentity, *, at: datetime) -> Message:
    """Return the complete message as of `at`, in the buyer's language or the shop's; Invalid when it cannot be made."""
    make = mail.compose if context.campaign.medium is Medium.EMAIL else texts.compose
    return make(context, identity, at=at)
