"""Jobs: long work that a user waits for, with its progress and result, stored so that it survives a restart."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from retention.database import Json, ShopRow, choice


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(ShopRow, table=True):
    """A piece of work for the worker. `claim_expires_at` lets another worker take over from one that died;
    `tries` counts those that began.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "shop_id", "created_at"), Index(None, "state", "claim_expires_at"))

    kind: str = Field(max_length=50)
    input: dict[str, Any] = Field(sa_type=Json)
    state: JobState = Field(default=JobState.WAITING, sa_type=choice(JobState))
    done: int = 0
    total: int | None = None
    result: dict[str, Any] | None = Field(default=None, sa_type=Json)
    error: str = ""
    actor: str = Field(max_length=64)
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    claim_expires_at: datetime | None = None
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
