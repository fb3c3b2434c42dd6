"""Print batches."""

from datetime import datetime

from pydantic import Field

from api.shapes.shape import PageOut, Shape
from printables.batches import Batch, BatchState, PieceState


class BatchOut(Shape):
    """One print job."""

    number: int
    profile: str
    state: BatchState = Field(
        description="`reserved`: its inserts are chosen, its files are being made. `rendered`: the files are ready "
        "to print. `printed`: somebody said that it is printed. `closed`: every insert has a final state. `void`: "
        "its files could not be made, and it was given up."
    )
    pieces: int
    sheets: int
    made_at: datetime
    printed_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, batch: Batch) -> "BatchOut":
        """Return a batch."""
        return BatchOut(**batch.model_dump(include=set(BatchOut.model_fields)))


class CountedBatchOut(BatchOut):
    """A batch with its pieces by state; it may be closed when `open` is 0."""

    counts: dict[PieceState, int] = Field(description="How many inserts are in each state.")
    open: int


class BatchesOut(PageOut):
    """The shop's batches, newest first."""

    batches: list[BatchOut]
