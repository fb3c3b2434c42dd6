"""Is it alive, is it ready, and how busy: for whoever watches the installation.

`/metrics` answers only on the loopback interface: figures of every shop are nobody else's business. A proxy that
forwards it must guard it.
"""

import ipaddress

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

import api.tables
from retention import migrate
from retention.errors import NotFound
from retention.trouble import SENTENCES, Trouble, first_line, trouble_of
from retention.words import gettext_noop

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def tell_alive() -> PlainTextResponse:
    """Answer; nothing else is asked."""
    return PlainTextResponse("ok")


@router.get("/readyz")
def tell_ready(request: Request) -> JSONResponse:
    """Tell whether the database answers and has the newest tables; 503 otherwise."""
    try:
        with request.app.state.engine.connect() as connection:
            reason = migrate.unfitness(connection, api.tables.metadata)
    except SQLAlchemyError as error:
        trouble = trouble_of(error) or Trouble.AWAY
        return JSONResponse({"ready": False, "database": SENTENCES[trouble], "why": first_line(error)}, 503)
    if reason is not None:
        return JSONResponse({"ready": False, "database": str(reason)}, 503)
    return JSONResponse({"ready": True, "database": "current"})


@router.get("/metrics")
def tell_metrics(request: Request) -> Response:
    """Return this process's figures in Prometheus' text form."""
    host = request.client.host if request.client else ""
    if not _is_loopback(host) or "x-forwarded-for" in request.headers:
        raise NotFound(gettext_noop("Nothing is here."))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
