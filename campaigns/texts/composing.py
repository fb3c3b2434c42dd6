"""Composing: one delivery's message, whatever it goes by. The campaign gives the text, the medium its form."""

from campaigns.campaigns import Medium
from campaigns.sending.channels.channel import Message
from campaigns.texts import mail, texts
from campaigns.texts.mail import Letter, Sender


def compose(letter: Letter, sender: Sender) -> Message:
    """Return the complete message in the buyer's language, else the shop's; Invalid when the text cannot be made."""
    make = mail.compose if letter.campaign.medium is Medium.EMAIL else texts.compose
    return make(letter, sender)
