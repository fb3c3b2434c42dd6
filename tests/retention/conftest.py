"""A shop to import into, and what its tables say afterwards."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from retention.database import transaction
from retention.files import FileStore
from retention.ingest import ImportOptions, ImportReport, import_file
from tests.factories import make_shop
from tests.retention.makers import NOW, Ask, Load


@pytest.fixture
def shop_engine(engine: Engine) -> Engine:
    with transaction(engine) as session:
        make_shop(session, "tea", at=NOW)
    return engine


@pytest.fixture
def load(shop_engine: Engine, tmp_path: Path) -> Load:
    """Import a text, written in an encoding, as a file of orders or of another kind."""

    def run(content: str | bytes, name: str = "orders.csv", **options: Any) -> ImportReport:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        files = FileStore(tmp_path / "files")
        kind, now = options.pop("kind", "orders"), options.pop("now", NOW)
        progress, asked = options.pop("progress", None), ImportOptions(**options)
        return import_file(shop_engine, "tea", kind, path, options=asked, now=now, progress=progress, files=files)

    return run


@pytest.fixture
def ask(shop_engine: Engine) -> Ask:
    def run(query: str) -> list[tuple[Any, ...]]:
        with transaction(shop_engine) as session:
            return [tuple(row) for row in session.connection().execute(text(query))]

    return run
