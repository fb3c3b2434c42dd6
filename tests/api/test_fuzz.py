"""Generated requests to every operation of the REST API: what is answered is what the OpenAPI document says.

What is right is asked of things that are there; what is wrong may name anything.

The suite draws a few requests from a fixed seed, on SQLite; `make fuzz` draws many more (FUZZ_EXAMPLES), on both.
"""

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from campaigns.offers.issuing import issue_anonymous
from retention.followers_and_groups import Group
from segments.rules import parse
from segments.segments import save_segment
from tests.campaigns.conftest import NOON, Stage

FEW = 3
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", FEW))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
FOREIGN = [pytest.param("postgresql", marks=pytest.mark.postgres)] if EXAMPLES > FEW else []


@pytest.fixture(params=["sqlite", *FOREIGN])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own: on SQLite, and with many examples on PostgreSQL too."""
    address: str = request.getfixturevalue(f"{request.param}_url")
    return address


def sent(client: TestClient, case: Case) -> Any:
    """Send a generated request and return the answer."""
    asked = case.as_transport_kwargs(base_url=str(client.base_url))
    asked["content"] = asked.pop("data", None)
    return client.request(**{name: value for name, value in asked.items() if value is not None and name != "cookies"})


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_generated_requests_are_answered_as_the_document_says(
    backend: TestClient, tea: Callable[[Callable[[Stage], Any]], Any], tea_app: FastAPI, mode: GenerationMode
) -> None:
    things = tea(things_of)
    backend._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    api, wrong = schemathesis.openapi.from_dict(tea_app.openapi()), {}
    answered: dict[str, set[int]] = {}
    for operation in (found.ok() for found in api.get_all_operations()):

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode))
        def ask(case: Case) -> None:
            if mode is GenerationMode.POSITIVE:
                case.path_parameters.update(there(case.path, things))
            answer = sent(backend, case)
            answered.setdefault(case.operation.label, set()).add(answer.status_code)
            try:
                case.validate_response(answer, checks=CHECKS)
            except FailureGroup as failures:
                for each in failures.exceptions:
                    wrong[case.operation.label, each.title] = (each.message[:300], case.as_curl_command()[-200:])

        ask()
    assert wrong == {}
    if mode is GenerationMode.POSITIVE:
        read = {label for label in answered if label.startswith("GET ") and there(label, things)}
        assert len(read) >= LEAST_READ
        assert {label: answered[label] for label in read if answered[label] <= {404}} == {}


LEAST_READ = 10
"""Operations that read a thing which is there, so that what they answer is looked at."""


def things_of(stage: Stage) -> dict[str, str]:
    """Put a thing of most kinds into the shop; return its name by the word before it in an address."""
    stage.buyer("may", parcel=True)
    stage.push("spring")
    save_segment(
        stage.session,
        stage.shop.id,
        "regulars",
        rule=parse({"orders": {"measure": "count", "at_least": 2}}),
        actor="test",
        at=NOON,
    )
    stage.session.add(Group(shop_id=stage.shop.id, slug="circle", name="Circle", created_at=NOON))
    coupon = issue_anonymous(stage.session, stage.offer(), at=NOON)
    topic = stage.topic()
    return {
        "buyers": "may", "why": "may", "campaigns": "spring", "segments": "regulars", "groups": "circle",
        "coupons": coupon.code, "topics": topic, "parcels": "W-may", "segment-presets": "repeat-buyers",
    }  # fmt: skip


def there(path: str, things: dict[str, str]) -> dict[str, str]:
    """Return by parameter of an address what is there."""
    return {param: things[word] for word, param in re.findall(r"([\w-]+)/{(\w+)}", path) if word in things}
