"""The embedded queue: messages as files in a folder of REGULARS_HOME, one folder for each queue.

It only wakes workers, so it may lose everything and must never stop them: a message is written aside and renamed, one
that cannot be read is skipped and deleted, a folder that is gone is made again. Whoever manages to delete a message has
it. Messages are kept in memory by nobody.
"""

import json
import time
import uuid
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import structlog
from kombu.transport import virtual

from retention import watchdog

log = structlog.get_logger()

_SUFFIX = ".msg"


class FileChannel(virtual.Channel):
    """One reader or writer of the queues in the folder that the transport option `folder` names."""

    do_restore = False  # what was not done when a worker ends, a sweep finds

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        self._home = Path(self.connection.client.transport_options["folder"])
        self._seen: dict[str, deque[Path]] = {}

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        folder = self._home / queue
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        draft = folder / f"{name}.new"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_text(json.dumps(message))
            draft.replace(folder / f"{name}{_SUFFIX}")
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    def _get(self, queue: str, *_: Any) -> dict[str, Any]:
        seen = self._seen.get(queue) or self._look(queue)
        while seen:
            message = self._take(seen.popleft())
            if message is not None:
                return message
        raise Empty

    def _look(self, queue: str) -> deque[Path]:
        """Return the messages that are there, the oldest first; read in one go, however many there are."""
        self._seen[queue] = deque(sorted(_messages(self._home / queue)))
        return self._seen[queue]

    def _take(self, path: Path) -> dict[str, Any] | None:
        """Return a message that is ours; None when another worker has it, or nobody can read it."""
        message, trouble = None, None
        try:
            message = json.loads(path.read_bytes())
            self.Message(message, channel=self)  # type: ignore[no-untyped-call]  # as the worker will
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the next one may be right
            trouble = error
        try:
            path.unlink()
        except OSError:  # it was another's, or will be here the next time, and does no harm
            return None
        if trouble:
            log.warning("a message cannot be read and is deleted", message_name=path.name, why=trouble)
            return None
        return message

    def _size(self, queue: str) -> int:
        return len(_messages(self._home / queue))

    def _purge(self, queue: str) -> int:
        found = _messages(self._home / queue)
        for path in found:
            with suppress(OSError):
                path.unlink()
        return len(found)


class Transport(virtual.Transport):
    """What Celery speaks to. Each look into the folder is a beat: a worker that looks no more hangs."""

    Channel = FileChannel
    driver_type = "files"
    driver_name = "files"
    polling_interval = 0.2

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        watchdog.beat()
        super().drain_events(connection, timeout=timeout)  # type: ignore[no-untyped-call]


def _messages(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.suffix == _SUFFIX]
    except OSError:  # nobody has sent anything yet, or the folder was removed: the next message makes it again
        return []
