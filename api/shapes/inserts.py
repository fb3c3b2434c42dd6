"""The inserts of a parcel."""

from dataclasses import asdict
from typing import Self

from pydantic import Field

from api.shapes.shape import Shape
from printables.inserts import Insert
from retention.tokens import spaced


class InsertOut(Shape):
    """One thing that belongs into the parcel. Without a batch it has not been printed yet."""

    campaign: str = Field(description="The slug of the campaign that it belongs to.")
    flyer: str
    code: str = Field(description="The code printed beside its QR.")
    batch: int | None
    packed: bool

    @classmethod
    def of(cls, insert: Insert) -> Self:
        """Return an insert, its code as people read it."""
        return cls(**asdict(insert) | {"code": spaced(insert.code)})


class InsertsOut(Shape):
    """What goes into one parcel; nothing is an answer too."""

    waybill: str
    inserts: list[InsertOut]
