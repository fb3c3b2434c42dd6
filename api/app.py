"""The web application: console, public pages and REST API, without business rules.

`create_app` is called once per process: by `regulars serve`, by any ASGI server
(`uvicorn --factory api.app:create_app`), and by tests, which bring their own engine and clock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from fastapi import Depends, FastAPI
from sqlalchemy.engine import Engine
from starlette.staticfiles import StaticFiles

from api import auth, errors, forms, health, one_time_links, pages, public, v1
from api.hashing import new_limiter
from api.logs import configure_logs
from api.memory import return_large_blocks
from api.middleware import Guard
from api.public import limits, visits
from api.readiness import Readiness
from api.request_ids import RequestIds
from retention import clock, watchdog
from retention.database import open_engine
from retention.files import open_store
from retention.home import keep_private, open_home
from retention.queue import configure
from retention.settings import Settings, settings_or_exit

log = structlog.get_logger()


def create_app(
    settings: Settings | None = None, *, engine: Engine | None = None, now: Callable[[], datetime] = clock.now
) -> FastAPI:
    """Return the application. `now` is the clock every request is told; a demo or a test brings its own."""
    keep_private()
    configure_logs()
    return_large_blocks()
    settings = settings or settings_or_exit()
    open_home(settings.home)
    settings.signing_key()  # a bad one is told at the start, not on somebody's page
    app = FastAPI(
        title="Regulars",
        summary="Retention campaigns for online shops: orders in, segments, campaigns, inserts, coupons.",
        version=pages.VERSION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # Swagger's page loads scripts from elsewhere; docs/api.md and the schema serve
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.engine = engine or open_engine(settings.database)
    app.state.owns_engine = engine is None
    app.state.readiness = Readiness(settings, app.state.engine.url.render_as_string(hide_password=False))
    app.state.files = open_store(settings)
    app.state.now = now
    app.state.hashing = new_limiter()
    configure(settings)
    errors.install(app)
    limits.install(app)
    visits.install(app)
    app.add_middleware(Guard, public_url=settings.public_url)
    app.add_middleware(RequestIds)
    for router in (health.router, auth.router, one_time_links.router, public.router, v1.router):
        app.include_router(router)
    _include_console(app)
    for folder in pages.STATIC_FOLDERS:
        app.mount(folder.address, StaticFiles(directory=folder.path, check_dir=False), name=folder.address)
    return app


def _include_console(app: FastAPI) -> None:
    from api import console  # late: the console is the largest part and imports `deps`

    # First of all: reading a form may take its sender's time, and no transaction waits for that.
    app.include_router(console.router, dependencies=[Depends(forms.check_token)])


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    report = await app.state.readiness.ask()
    if not report.is_ready:
        log.error("not ready", why=report.why, detail=report.detail)
    beating = asyncio.create_task(_keep_beating())
    yield
    beating.cancel()
    app.state.readiness.close()
    if app.state.owns_engine:
        app.state.engine.dispose()


async def _keep_beating() -> None:
    """Report to the watchdog where `/healthz` is answered: when that stands still, the parent restarts the process."""
    while True:
        watchdog.beat()
        await asyncio.sleep(watchdog.idle() / 4)
