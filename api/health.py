"""Health: whether the installation is alive and ready, and how busy it is, for monitoring.

None of the endpoints needs a thread or a connection that requests work with. `/metrics` answers only on the
loopback interface, since it has figures of every shop. A proxy that forwards it must guard it.
"""

import ipaddress
import math
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from api.readiness import Readiness, ReadinessReport
from retention import clock
from retention.errors import NotFound
from retention.heartbeats import Life
from retention.i18n import gettext_noop

router = APIRouter(include_in_schema=False)

_READY = Gauge("regulars_ready", "1 while the database answers, has the tables of this release and takes writes")
_BROKER = Gauge("regulars_broker_up", "1 while the queue can be reached")
_AGE = Gauge("regulars_heartbeat_age_seconds", "Seconds since a part was last at work; +Inf: never", ["part"])
_WORKER_AGE = Gauge("regulars_worker_age_seconds", "Seconds since a worker of a queue was last seen", ["queue"])


@router.api_route("/healthz", methods=["GET", "HEAD"])
async def tell_alive() -> PlainTextResponse:
    """Answer; nothing else is asked."""
    return PlainTextResponse("ok")


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def tell_ready(request: Request, *, deep: bool = False) -> JSONResponse:
    """Tell whether requests can be served; 503 otherwise. With `deep`, also whether background work moves."""
    readiness: Readiness = request.app.state.readiness
    report = await readiness.ask(deep=deep)
    answer: dict[str, object] = {"ready": report.is_ready, "database": report.why or "current"}
    if report.detail:
        answer["why"] = report.detail
    if not deep or report.life is None:
        return JSONResponse(answer, 200 if report.is_ready else 503)
    moves = not report.standstill and not report.broker
    answer |= {"ready": moves, "standstill": report.standstill, "broker": report.broker or "reachable"}
    if report.lacks:
        answer["warning"] = f"The database lacks indexes or foreign keys, which makes it slow or lax: {report.lacks}."
    return JSONResponse(answer | _last_seen(report.life), 200 if moves else 503)


@router.api_route("/metrics", methods=["GET", "HEAD"])
async def tell_metrics(request: Request) -> Response:
    """Return this process's figures, and how the installation is, in Prometheus' text form."""
    host = request.client.host if request.client else ""
    if not _is_loopback(host) or "x-forwarded-for" in request.headers:
        raise NotFound(gettext_noop("Not found."))
    readiness: Readiness = request.app.state.readiness
    _set_gauges(await readiness.ask(deep=True), clock.now())
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _last_seen(life: Life) -> dict[str, object]:
    """Return when each part was last at work, as text."""
    workers = {queue: at.isoformat() for queue, at in sorted(life.workers.items())}
    parts = {"scheduler": life.scheduler, "sweeps": life.sweeps}
    return {"last_seen": {name: at and at.isoformat() for name, at in parts.items()} | {"workers": workers}}


def _set_gauges(report: ReadinessReport, at: datetime) -> None:
    _READY.set(report.is_ready)
    if report.life is None:
        return
    _BROKER.set(not report.broker)
    for part, last in {"scheduler": report.life.scheduler, "sweeps": report.life.sweeps}.items():
        _AGE.labels(part).set((at - last).total_seconds() if last else math.inf)
    for queue, last in report.life.workers.items():
        _WORKER_AGE.labels(queue).set((at - last).total_seconds())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
