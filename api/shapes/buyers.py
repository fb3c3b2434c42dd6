"""Export and erasure of one buyer."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.shapes.shape import Shape


class ExportOut(Shape):
    """Every row about a buyer, by table."""

    buyer: str
    shop: str = Field(description="The shop's name.")
    exported_at: datetime
    tables: dict[str, list[dict[str, Any]]]


class ErasureOut(Shape):
    """What an erasure left: the id under which counts and money stay, and how many rows it touched."""

    left: str = Field(description="The external id under which counts and money stay.")
    blanked: int
    deleted: int


class TimesOut(Shape):
    """For how many days each kind is kept."""

    agents: int = Field(description="Days that browsers and networks of scans are kept.")
    uploads: int = Field(description="Days that order files are kept that were sent in.")
    texts: int = Field(description="Days that addresses and texts of messages, calls and bounces are kept.")
    audit: int = Field(description="Days that the audit log is kept.")
