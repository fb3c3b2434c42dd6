"""The step "what" of a campaign: its texts per language, by which medium and sender, under which topic."""

from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session
from starlette.datastructures import FormData

from api.console.states import medium_name
from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.content import Template
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import PostsTo
from campaigns.channels.senders import find_sender, senders_of
from campaigns.optouts.topics import topics_of
from retention.errors import Invalid
from retention.i18n import LANGUAGES, current_language, gettext_noop
from retention.i18n import gettext as _
from retention.shops import Shop

BY_MESSAGE = tuple(medium for medium in Medium if medium is not Medium.PARCEL)
"""Media that carry words; a parcel carries paper, which the print room makes."""

TEXT_FIELDS = ("subject", "preheader", "body")


@dataclass
class What:
    """The fields of the step as typed, so that a refusal keeps them. `texts` holds subject and body by language."""

    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    medium: str = Medium.EMAIL.value
    sender: str = ""
    topic: str = ""
    posts_to: str = PostsTo.BUYERS.value

    @property
    def content(self) -> dict[str, dict[str, str]]:
        """The texts of the languages in which something was written; what is optional only where it says something."""
        return {
            language: {name: words for name, words in text.items() if words or name != "preheader"}
            for language, text in self.texts.items()
            if any(text.values())
        }

    def changes(self, session: Session, shop: Shop, campaign: Campaign) -> dict[str, Any]:
        """Return the values of the campaign this step speaks of; of one on paper there are none."""
        if campaign.medium is Medium.PARCEL:
            return {"topic": self.topic}
        sender = find_sender(session, shop.id, self.sender) if self.sender else None
        if self.medium not in list(BY_MESSAGE):
            raise Invalid(gettext_noop("Choose a channel."))
        return {
            "content": self.content,
            "medium": Medium(self.medium),
            "sender_id": sender.id if sender else None,
            "topic": self.topic,
            "policy": {"posts_to": self.posts_to or PostsTo.BUYERS.value},
        }


def what_of(session: Session, shop: Shop, campaign: Campaign) -> What:
    """Return the step as a campaign stands."""
    slugs = {sender.id: sender.slug for sender in senders_of(session, shop.id)}
    return What(
        texts={language: _text(campaign.content.get(language)) for language in languages()},
        medium=campaign.medium.value,
        sender=slugs.get(campaign.sender_id or 0, ""),
        topic=campaign.topic,
        posts_to=campaign.policy.posts_to.value,
    )


def typed_what(form: FormData) -> What:
    """Return what was typed."""

    def text(name: str) -> str:
        return str(form.get(name, "")).replace("\r\n", "\n").strip()

    return What(
        texts={language: {name: text(f"{name}_{language}") for name in TEXT_FIELDS} for language in languages()},
        medium=text("medium"),
        sender=text("sender"),
        topic=text("topic"),
        posts_to=text("posts_to"),
    )


def what_choices(session: Session, shop: Shop) -> dict[str, list[tuple[str, str]]]:
    """Return what the lists of the step offer."""
    senders = senders_of(session, shop.id)
    topics = topics_of(session, shop.id)
    return {
        "media": [(medium.value, medium_name(medium)) for medium in BY_MESSAGE],
        "senders": [
            ("", _("this installation's mail server")),
            *[(sender.slug, f"{sender.name} · {medium_name(sender.medium)}") for sender in senders],
        ],
        "posts_to": [
            (PostsTo.BUYERS.value, _("one message per buyer")),
            (PostsTo.GROUPS.value, _("one post per chat group")),
        ],
        "topics": [("", _("none")), *[(topic.slug, _topic_name(topic.names, topic.slug)) for topic in topics]],
    }


def languages() -> list[str]:
    """Return the languages a text can have, the reader's own first."""
    return sorted(LANGUAGES, key=lambda language: language != current_language())


def _text(written: Template | None) -> dict[str, str]:
    return {name: getattr(written, name, "") for name in TEXT_FIELDS}


def _topic_name(names: dict[str, str], slug: str) -> str:
    return names.get(current_language()) or next(iter(names.values()), slug)
