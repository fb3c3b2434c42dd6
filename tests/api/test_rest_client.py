"""Whoever builds a client from the document, with openapi-python-client, can call every endpoint by its name."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType
from sqlalchemy import Engine

from retention import keys
from retention.access import Scope
from tests.campaigns.conftest import NOON

NOT_JSON = {"image/png": "application/octet-stream"}
"""What is answered in other than text, and is to be had as bytes."""


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """One database is enough: what a client is made from knows of none."""
    return sqlite_engine


def generated(document: dict[str, Any], folder: Path) -> list[str]:
    """Write a client into a folder; return what the generator has to say of it."""
    source = folder.with_suffix(".json")
    source.write_text(json.dumps(document), encoding="utf-8")
    made_of = ConfigFile(post_hooks=[], content_type_overrides=NOT_JSON)  # its hooks would run programs
    settings = Config.from_sources(made_of, MetaType.NONE, source, "utf-8", overwrite=False, output_path=folder)
    return [f"{each.header} {each.detail}" for each in generate(config=settings)]


def test_client_made_from_the_document_has_every_endpoint_and_works(
    tea_app: FastAPI,
    tea: Callable[..., Any],
    served: Callable[[Any], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = tea_app.openapi()
    assert generated(document, tmp_path / "tea_client") == []
    operations = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    modules = [each for each in (tmp_path / "tea_client" / "api").rglob("*.py") if each.stem != "__init__"]
    assert {each.stem for each in modules} == operations
    assert len(modules) == len(operations)

    monkeypatch.syspath_prepend(tmp_path)
    key = tea(lambda to: keys.create_api_key(to.session, to.shop, name="till", scopes=frozenset(Scope), at=NOON))
    rule_in = importlib.import_module("tea_client.models").RuleIn
    count = importlib.import_module("tea_client.api.segments.segments_count")
    with importlib.import_module("tea_client").AuthenticatedClient(served(tea_app), token=key) as client:
        counted = count.sync(client=client, body=rule_in.from_dict({"rule": {"not": {"follows": {}}}}))
        refused = count.sync(client=client, body=rule_in.from_dict({"rule": {"nonsense": {}}}))
    assert (counted.buyers, counted.of, counted.words) == (0, 0, "Buyers who do not follow the shop")
    assert (refused.status, "nonsense" in refused.detail) == (422, True)
