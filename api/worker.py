"""The worker's entry: `celery -A api.worker worker`, and `celery -A api.worker beat` for the sweeps.

Importing a module is what registers its tasks, so every module with tasks is named here.
"""

from celery.signals import setup_logging

import api.tables
import campaigns.deliveries.progress
import campaigns.plans.caps
import campaigns.results.results
import campaigns.tasks
import printables.tasks
import retention.consent
import retention.figures
import retention.idempotency
import retention.ingest.jobs
import retention.invitations
import retention.logins
import retention.metrics
import retention.phone_renormalizing
import retention.privacy.retention_periods
import segments.forecasting
import segments.lapsed
import segments.snapshots
from api.logs import configure_logs
from api.memory import return_large_blocks
from retention.home import keep_private, open_home
from retention.queue import configure
from retention.settings import settings_or_exit

TASKS = (
    campaigns.tasks,
    printables.tasks,
    retention.figures,
    retention.idempotency,
    retention.ingest.jobs,
    retention.invitations,
    retention.logins,
    retention.privacy.retention_periods,
    retention.phone_renormalizing,
    segments.forecasting,
    segments.snapshots,
)
FIGURES = (
    campaigns.results.results.RESULTS,
    campaigns.plans.caps.BUYERS_AT_CAP,
    campaigns.deliveries.progress.PROGRESS,
    retention.consent.ANSWERS,
    retention.metrics.COHORTS,
    retention.metrics.HOME,
    retention.metrics.REPEAT,
    segments.lapsed.LATE,
)
"""What pages keep, a worker counts again; defining a figure is what makes it known."""
TABLES = api.tables.metadata
"""A task that follows a foreign key needs both tables known."""


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_the_others_do(**_: object) -> None:
    """Keep Celery from logging in its own way, which tells what an error says and the arguments of a task."""
    configure_logs()


keep_private()
configure_logs()
return_large_blocks()
open_home(settings_or_exit().home)
app = configure(settings_or_exit())
