"""The application for tests: each has one of its own; what its routes were worked out to be is shared by all."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Engine

from api import app
from retention import clock
from retention.settings import Settings

_routes: list[Any] = []


def create_app(settings: Settings, *, engine: Engine, now: Callable[[], datetime] = clock.now) -> FastAPI:
    """Return a new application. What a test adds to its routes stays there."""
    made = app.create_app(settings, engine=engine, now=now)
    if not _routes:
        _routes.extend(made.router.routes)
    # FastAPI works out how each route is called when it is first asked for: half a second for every new application.
    made.router.routes[:] = _routes
    return made
