"""Imports that have landed, each with its number and, while it can be taken back, with the notes of what it changed.

The number is that of the job: an import from the command line has one too, which nobody had to run.
"""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention.access import Member
from retention.database import BigId, ShopRow
from retention.files import FileStore
from retention.ingest.journals.journal import ImportJournal
from retention.jobs import Job, JobState
from retention.privacy.personal import PersonKeys, at_erasure
from retention.privacy.retention_periods import KeptKind, forgets
from retention.staging import fetch

KIND = "import"
"""The kind of a job that imports."""


class ImportStep(StrEnum):
    """What a job does next: with its file, or with what came of it."""

    UNDERSTAND = "understand"
    IMPORT = "import"
    UNDO = "undo"


NOBODY = BitMap().serialize()


class LandedImport(ShopRow, table=True):
    """An import that has landed. `stored` names the file of its notes; blank once they are gone.

    `new_buyers` and `buyers` are bitmaps of the row numbers of buyers it added and of all whose rows it changed.
    `last_consent` is the last row of the ledger of consents then.
    """

    __tablename__ = "landed_imports"
    __table_args__ = (UniqueConstraint("job_id"), sa.Index(None, "shop_id", "job_id"))

    job_id: int = Field(foreign_key="jobs.id", sa_type=BigId)
    kind: str = Field(max_length=20)
    file: str = Field(max_length=200)
    made_at: datetime
    changed: int = 0
    stored: str = Field(default="", max_length=200)
    new_buyers: bytes = Field(default=NOBODY, sa_type=LargeBinary, repr=False)
    buyers: bytes = Field(default=NOBODY, sa_type=LargeBinary, repr=False)
    last_consent: int = Field(default=0, sa_type=BigId)
    undone_at: datetime | None = None

    @property
    def number(self) -> int:
        """What people call it by."""
        return self.job_id


forgets(KeptKind.UPLOADS, LandedImport, moment="made_at", blank={"stored": ""}, file="stored")


@at_erasure
def _forget_notes(session: Session, shop_id: int, _who: PersonKeys) -> list[str]:
    """Give up the notes of a shop's imports, which may have rows of whoever is erased; return their files."""
    noted = select(LandedImport).where(LandedImport.shop_id == shop_id, LandedImport.stored != "")
    names = []
    for landed in session.exec(noted):
        names.append(landed.stored)
        landed.stored = ""
        session.add(landed)
    return names


def add_job(session: Session, shop_id: int, *, given: dict[str, Any], actor: str, at: datetime) -> int:
    """Add the job of an import that is being run by whoever asked for it, and return its number."""
    job = Job(shop_id=shop_id, kind=KIND, input=given, actor=actor, created_at=at, started_at=at, finished_at=at)
    job.state = JobState.DONE
    session.add(job)
    session.flush()
    return job.id


def note_landing(session: Session, landed: LandedImport, journal: ImportJournal, files: FileStore, to: Path) -> None:
    """Keep what an import noted, so that it can be taken back; `to` is where the notes are packed.

    Where the transaction fails after all, nothing of it stays in the store.
    """
    if not journal.is_empty:
        journal.finish(to)
        landed.new_buyers, landed.buyers = journal.new["buyers"].serialize(), journal.buyers.serialize()
        landed.last_consent = fetch(session, "SELECT coalesce(max(id), 0) FROM consents")[0]
        landed.stored = f"landed/{landed.shop_id}/{landed.job_id}.zip"
        name = landed.stored
        sa.event.listen(session, "after_rollback", lambda _session: files.forget(name), once=True)
        with to.open("rb") as source:
            files.keep(name, source)
    session.add(landed)
    session.flush()


def landed_import(session: Session, member: Member, number: int) -> LandedImport | None:
    """Return an import of the member's shop that has landed."""
    found = select(LandedImport).where(LandedImport.shop_id == member.shop_id, LandedImport.job_id == number)
    return session.exec(found).first()


def later_buyers(session: Session, landed: LandedImport) -> BitMap:
    """Return the buyers whose rows later imports changed, those that were taken back aside."""
    later = select(LandedImport.buyers).where(
        LandedImport.shop_id == landed.shop_id,
        col(LandedImport.job_id) > landed.job_id,
        col(LandedImport.undone_at).is_(None),
    )
    return BitMap.union(BitMap(), *(BitMap.deserialize(each) for each in session.exec(later)))
