"""Lifecycle: every move of a campaign from state to state, listed once. What a move does to rows stands in `moving`."""

from enum import StrEnum

from campaigns.campaigns import CampaignState as State
from campaigns.campaigns import Medium
from retention.errors import Conflict


class Move(StrEnum):
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


MOVES: dict[Move, tuple[frozenset[State], State]] = {
    Move.SUBMIT: (frozenset({State.DRAFT}), State.IN_REVIEW),
    Move.APPROVE: (frozenset({State.IN_REVIEW}), State.APPROVED),
    Move.SEND_BACK: (frozenset({State.IN_REVIEW, State.APPROVED, State.SCHEDULED}), State.DRAFT),
    Move.SCHEDULE: (frozenset({State.DRAFT, State.APPROVED}), State.SCHEDULED),
    Move.LAUNCH: (frozenset({State.DRAFT, State.APPROVED, State.SCHEDULED}), State.RUNNING),
    Move.PAUSE: (frozenset({State.RUNNING}), State.PAUSED),
    Move.RESUME: (frozenset({State.PAUSED}), State.RUNNING),
    Move.CANCEL: (frozenset(State) - {State.FINISHED, State.CANCELLED}, State.CANCELLED),
    Move.FINISH: (frozenset({State.RUNNING}), State.FINISHED),
}

EDITABLE = frozenset({State.DRAFT})
"""States in which content, audience, offer and policy may change."""


def after(move: Move, state: State, *, medium: Medium) -> State:
    """Return the state a move leads to; Conflict, saying from where it would be possible, when it does not exist.

    A parcel campaign may be launched again while it runs: each day's parcels are a run of their own.
    """
    sources, target = MOVES[move]
    if move is Move.LAUNCH and medium is Medium.PARCEL:
        sources |= {State.RUNNING}
    if state not in sources:
        raise Conflict(
            "“{move}” is not possible while a campaign is {state}. That needs: {sources}.",
            state=state,
            move=move,
            sources=sorted(sources),
        )
    return target


def possible(state: State, *, medium: Medium) -> list[Move]:
    """Return the moves a page may offer in `state`, in the order of `Move`."""
    found = [move for move, (sources, _) in MOVES.items() if state in sources]
    if state is State.RUNNING and medium is Medium.PARCEL:
        found.insert(0, Move.LAUNCH)
    return found
