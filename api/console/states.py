"""Labels of states: a word and the colour of its pill."""

from dataclasses import dataclass
from enum import StrEnum

from campaigns.campaign.campaigns import CampaignState, DeliveryState
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import PostState
from campaigns.channels.senders import SenderState
from campaigns.webhooks.webhooks import WebhookCallState
from printables.batches import BatchState, PieceState
from retention.i18n import gettext as _
from retention.i18n import gettext_noop


@dataclass(frozen=True)
class StateLabel:
    """A state's word and colour."""

    name: str
    kind: str


_STATES: dict[type[StrEnum], dict[str, tuple[str, str]]] = {
    CampaignState: {
        CampaignState.DRAFT: (gettext_noop("draft"), ""),
        CampaignState.IN_REVIEW: (gettext_noop("in review"), "warn"),
        CampaignState.APPROVED: (gettext_noop("approved"), "info"),
        CampaignState.SCHEDULED: (gettext_noop("scheduled"), "info"),
        CampaignState.RUNNING: (gettext_noop("running"), "good"),
        CampaignState.PAUSED: (gettext_noop("paused"), "warn"),
        CampaignState.FINISHED: (gettext_noop("finished"), ""),
        CampaignState.CANCELLED: (gettext_noop("cancelled"), "bad"),
    },
    DeliveryState: {
        DeliveryState.WAITING: (gettext_noop("waiting"), ""),
        DeliveryState.CLAIMED: (gettext_noop("on its way"), "info"),
        DeliveryState.SENT: (gettext_noop("sent"), "good"),
        DeliveryState.SKIPPED: (gettext_noop("skipped"), ""),
        DeliveryState.FAILED: (gettext_noop("failed"), "bad"),
        DeliveryState.UNKNOWN: (gettext_noop("unknown"), "warn"),
        DeliveryState.CONTROL: (gettext_noop("control group"), "info"),
    },
    PostState: {
        PostState.WAITING: (gettext_noop("waiting"), ""),
        PostState.TAKEN: (gettext_noop("assigned"), "info"),
        PostState.SENT: (gettext_noop("sent"), "good"),
        PostState.DECLINED: (gettext_noop("not sent"), "warn"),
        PostState.EXPIRED: (gettext_noop("expired"), "bad"),
        PostState.SKIPPED: (gettext_noop("skipped"), ""),
        PostState.FAILED: (gettext_noop("failed"), "bad"),
        PostState.UNKNOWN: (gettext_noop("unknown"), "warn"),
    },
    BatchState: {
        BatchState.RESERVED: (gettext_noop("being made"), "info"),
        BatchState.RENDERED: (gettext_noop("ready to print"), "warn"),
        BatchState.PRINTED: (gettext_noop("at the packing station"), "brand"),
        BatchState.CLOSED: (gettext_noop("closed"), "good"),
        BatchState.VOID: (gettext_noop("void"), ""),
    },
    PieceState: {
        PieceState.RESERVED: (gettext_noop("being made"), ""),
        PieceState.RENDERED: (gettext_noop("not printed yet"), "warn"),
        PieceState.PRINTED: (gettext_noop("printed"), "info"),
        PieceState.IN_PARCEL: (gettext_noop("packed"), "good"),
        PieceState.SPOILED: (gettext_noop("spoiled"), "bad"),
        PieceState.UNUSED: (gettext_noop("unused"), ""),
        PieceState.VOID: (gettext_noop("void"), ""),
    },
    WebhookCallState: {
        WebhookCallState.WAITING: (gettext_noop("waiting"), "warn"),
        WebhookCallState.CLAIMED: (gettext_noop("on its way"), "info"),
        WebhookCallState.SENT: (gettext_noop("accepted"), "good"),
        WebhookCallState.FAILED: (gettext_noop("failed"), "bad"),
    },
    SenderState: {
        SenderState.ACTIVE: (gettext_noop("in use"), "good"),
        SenderState.PAUSED: (gettext_noop("paused"), ""),
        SenderState.BROKEN: (gettext_noop("broken"), "bad"),
    },
}
# By class first: members of two string enumerations with one value are equal.

_MEDIA = {
    Medium.EMAIL: gettext_noop("Email"),
    Medium.SMS: gettext_noop("SMS"),
    Medium.WEBHOOK: gettext_noop("App messages"),
    Medium.BOT: gettext_noop("Group bot"),
    Medium.ASSISTED: gettext_noop("Manual post"),
    Medium.PARCEL: gettext_noop("Parcel inserts"),
}


def shown(state: StrEnum) -> StateLabel:
    """Return the word and colour of a state in the language being spoken."""
    name, kind = _STATES[type(state)][state]
    return StateLabel(_(name), kind)


def medium_name(medium: Medium) -> str:
    """Return a medium in the language being spoken."""
    return _(_MEDIA[medium])
