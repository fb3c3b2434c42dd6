"""`regulars demo`: a shop from an order file to printed flyers, scans, orders and lift, through the real code.

Everything that a shop would do is done by the use cases the shop would use: files are imported, mail goes to a mail
server, PDF files are decoded, pieces are scanned at the packing station, buyers open pages over HTTP. Only chance is
replaced: the sample's people follow a seed, and the campaigns' secrets come from it, so that one seed gives one set of
figures.
"""

import shutil
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.demo import chain
from api.demo.post_office import open_post_office
from api.demo.stage import PAST_DAYS, ZONE, Stage
from api.demo.summary import Summary
from retention.database import open_engine
from retention.errors import Conflict
from retention.files import open_store
from retention.migrate import upgrade
from retention.queue import configure
from retention.settings import DEMO_MARK, Settings

MARK = "regulars-demo"
"""A file that says: this folder was made by the demonstration and may be recreated."""


def run(
    out: Path,
    seed: int,
    *,
    orders: Path | None,
    preset: str,
    now: datetime,
    console: Console,
    buyers: int | None = None,
) -> Summary:
    """Run the whole chain into `out` and return its figures.

    `buyers` makes the invented shop another size. With `orders`, that file is the shop's history instead of the
    sample's, and the chain begins on the day after its last order.
    Conflict when `out` holds anything but an earlier demonstration.
    """
    started = time.monotonic()
    _clear(out)
    with ExitStack() as stack:
        office = stack.enter_context(open_post_office())
        progress = stack.enter_context(_progress(console))
        stage = _open_stage(out, seed, now=now, progress=progress, smtp_url=office.url)
        stack.callback(stage.engine.dispose)
        figures = chain.play(stage, office, orders=orders, preset=preset, buyers=buyers)
    summary = Summary(**figures, seconds=round(time.monotonic() - started, 1))
    (out / "summary.json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    return summary


def _clear(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        if not (out / MARK).exists():
            raise Conflict("{folder} is not empty and not an earlier demo. Choose another folder.", folder=out)
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text("Made by `regulars demo`; it may be deleted.\n", encoding="utf-8")


def _open_stage(out: Path, seed: int, *, now: datetime, progress: Progress, smtp_url: str) -> Stage:
    home = out / "var"
    home.mkdir()
    (home / DEMO_MARK).touch()  # its address leads to this machine only, so its paper says what it is
    settings = Settings(home=home, database_url="", broker_url="", smtp_url=smtp_url)
    configure(settings)
    upgrade(settings.database)
    day = (now.astimezone(ZoneInfo(ZONE)) - timedelta(days=PAST_DAYS)).date()
    return Stage(out, seed, day, open_engine(settings.database), settings, open_store(settings), progress, now)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
