"""Imports asked for on one machine and run on another; files that end their worker are given up."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import select

from retention.access import ROLE_SCOPES, Member, Role
from retention.database import reading, transaction
from retention.files import FileStore, open_store
from retention.ingest.drafts import ask_import, keep_upload, rejects_of
from retention.ingest.jobs import CLAIM, MOST_TRIES, progress_of, run_import
from retention.jobs import Job, JobState
from retention.orders import Order
from retention.settings import Settings, get_settings
from tests.retention.makers import NOW, TWO_LINES

ROOT = Path(__file__).resolve().parents[2]
OWNER = Member(shop_id=1, actor="user:1", scopes=ROLE_SCOPES[Role.OWNER])


def asked(engine: Engine, files: FileStore, content: bytes, name: str = "orders.csv") -> Job:
    stored = keep_upload(files, io.BytesIO(content), name)
    with transaction(engine) as session:
        return ask_import(session, OWNER, kind="orders", upload=stored, at=NOW)


def job_of(engine: Engine) -> Job:
    with reading(engine) as session:
        return session.exec(select(Job)).one()


def test_web_and_worker_on_two_machines_share_the_upload_its_progress_and_the_rejects(
    shop_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = str(tmp_path / "shared")
    web = open_store(Settings(home=tmp_path / "web", files_url=shared))
    job = asked(shop_engine, web, (TWO_LINES + "A3,b3,soon,TEA-1,1,10.00,9.90,Japan,,\n").encode(), name="progress")
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "worker"))
    monkeypatch.setenv("REGULARS_FILES_URL", shared)
    get_settings.cache_clear()
    worker = open_store(get_settings())
    assert web.folder == worker.folder != tmp_path / "web" / "files"
    run_import(shop_engine, job.id, now=lambda: NOW)
    done = job_of(shop_engine)
    assert (done.state, done.result["accepted"], done.result["rejected"]) == (JobState.DONE, 3, 1)
    assert "soon" in b"".join(rejects_of(done, web)).decode("utf-8-sig")
    assert progress_of(done, web) == (done.done, done.total)
    assert not list((tmp_path / "web").rglob("*.csv"))


def test_progress_of_a_running_import_is_read_by_another_machine(shop_engine: Engine, tmp_path: Path) -> None:
    files = FileStore(tmp_path / "shared")
    job = asked(shop_engine, files, TWO_LINES.encode())
    job.state = JobState.RUNNING
    files.write(f"progress/{job.id}", b"400 1000")
    assert progress_of(job, FileStore(tmp_path / "shared")) == (400, 1000)
    files.write(f"progress/{job.id}", b"4")
    assert progress_of(job, files) == (0, None)


def test_file_whose_worker_dies_three_times_is_given_up_and_says_so(shop_engine: Engine) -> None:
    job = asked(shop_engine, open_store(get_settings()), TWO_LINES.encode())
    program = """
import os, sys
from datetime import datetime
import api.tables
from retention.database import open_engine
from retention.ingest import jobs
jobs.import_file = lambda *_, **__: os._exit(9)
jobs.run_import(open_engine(sys.argv[1]), int(sys.argv[2]), now=lambda: datetime.fromisoformat(sys.argv[3]))
"""
    url = shop_engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", program, url, str(job.id), NOW.isoformat()]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 9
    assert (job_of(shop_engine).state, job_of(shop_engine).tries) == (JobState.RUNNING, 1)
    with transaction(shop_engine) as session:
        session.execute(sa.update(Job).values(tries=MOST_TRIES))
    run_import(shop_engine, job.id, now=lambda: NOW + CLAIM / 2)
    assert job_of(shop_engine).state is JobState.RUNNING  # the third may still be at work
    run_import(shop_engine, job.id, now=lambda: NOW + CLAIM * 2)
    ended = job_of(shop_engine)
    assert ended.state is JobState.FAILED
    assert ended.result["refused"]["message"].startswith("The worker crashed {tries} times while reading this file")
    with reading(shop_engine) as session:
        assert session.exec(select(Order)).all() == []


def test_import_that_takes_too_much_memory_is_refused_and_the_worker_goes_on(
    shop_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_store(get_settings())
    job = asked(shop_engine, files, TWO_LINES.encode())
    monkeypatch.setattr("retention.ingest.request.open_source", lambda *_, **__: bytearray(3 << 30))
    run_import(shop_engine, job.id, now=lambda: NOW)
    ended = job_of(shop_engine)
    assert ended.state is JobState.FAILED
    assert ended.result["refused"]["message"].startswith("Reading this file takes more memory than an import may have")
    assert len(bytearray(1 << 20)) == 1 << 20
