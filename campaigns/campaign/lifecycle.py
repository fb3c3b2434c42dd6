"""Lifecycle: every move of a campaign from state to state. What a move does to rows stands in `campaign_moves`."""

from enum import StrEnum

from campaigns.campaign.campaigns import CampaignState as State
from campaigns.campaign.media import Medium
from retention.errors import Conflict


class CampaignMove(StrEnum):
    """What somebody, or the clock, does to a campaign."""

    SUBMIT = "submit"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    SCHEDULE = "schedule"
    LAUNCH = "launch"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"
    REOPEN = "reopen"


MOVES: dict[CampaignMove, tuple[frozenset[State], State]] = {
    CampaignMove.SUBMIT: (frozenset({State.DRAFT}), State.IN_REVIEW),
    CampaignMove.APPROVE: (frozenset({State.IN_REVIEW}), State.APPROVED),
    CampaignMove.SEND_BACK: (frozenset({State.IN_REVIEW, State.APPROVED, State.SCHEDULED}), State.DRAFT),
    CampaignMove.SCHEDULE: (frozenset({State.DRAFT, State.APPROVED, State.SCHEDULED}), State.SCHEDULED),
    CampaignMove.LAUNCH: (frozenset({State.DRAFT, State.APPROVED, State.SCHEDULED}), State.RUNNING),
    CampaignMove.PAUSE: (frozenset({State.RUNNING, State.SCHEDULED}), State.PAUSED),
    CampaignMove.RESUME: (frozenset({State.PAUSED}), State.RUNNING),
    CampaignMove.CANCEL: (frozenset(State) - {State.FINISHED, State.CANCELLED}, State.CANCELLED),
    CampaignMove.FINISH: (frozenset({State.RUNNING}), State.FINISHED),
    CampaignMove.REOPEN: (frozenset({State.FINISHED}), State.RUNNING),
}

EDITABLE = frozenset({State.DRAFT, State.IN_REVIEW, State.APPROVED, State.SCHEDULED})
"""States in which content, audience, offer and policy may change; whatever it was, it is a draft afterwards."""


def after(move: CampaignMove, state: State, *, medium: Medium, repeats: bool = False) -> State:
    """Return the state a move leads to; Conflict, saying from where it would be possible, when it does not exist.

    A parcel campaign may be launched again while it runs: each day's parcels are a run of their own. So may one that
    `repeats`, by the calendar, events or waves; between two runs it is scheduled, and may be called done then too.
    What was thought done is opened again when a person takes the last word of it back.
    Resuming leads to running; `campaign_moves` makes that scheduled where nothing has to be sent just now.
    """
    sources, target = _sources(move, medium=medium, repeats=repeats), MOVES[move][1]
    if state not in sources:
        raise Conflict(
            "“{move}” is not possible while a campaign is {state}. Required state: {sources}.",
            state=state,
            move=move,
            sources=sorted(sources),
        )
    return target


def possible(state: State, *, medium: Medium, repeats: bool = False) -> list[CampaignMove]:
    """Return the moves a page may offer in `state`, in the order of `Move`; another launch first.

    Reopening is not among them: it comes with the word that is taken back.
    """
    offered = [move for move in MOVES if move is not CampaignMove.REOPEN]
    found = [move for move in offered if state in _sources(move, medium=medium, repeats=repeats)]
    return sorted(
        found,
        key=lambda move: (
            move is not CampaignMove.LAUNCH or state is not State.RUNNING,
            list(CampaignMove).index(move),
        ),
    )


def _sources(move: CampaignMove, *, medium: Medium, repeats: bool) -> frozenset[State]:
    sources = MOVES[move][0]
    if move is CampaignMove.LAUNCH and (repeats or medium is Medium.PARCEL):
        return sources | {State.RUNNING}
    if move in {CampaignMove.FINISH, CampaignMove.REOPEN} and repeats:
        return sources | {State.SCHEDULED}
    return sources
