"""Generated requests to every operation of the REST API: what is answered is what the OpenAPI document says.

The suite draws a few requests from a fixed seed, on SQLite; `make fuzz` draws many more (FUZZ_EXAMPLES), on both.
"""

import os
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

from tests.campaigns.conftest import Stage

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
    tea(lambda stage: stage.buyer("may"))
    backend._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    api, wrong = schemathesis.openapi.from_dict(tea_app.openapi()), {}
    answered: set[int] = set()
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
            answer = sent(backend, case)
            answered.add(answer.status_code)
            try:
                case.validate_response(answer, checks=CHECKS)
            except FailureGroup as failures:
                for each in failures.exceptions:
                    wrong[case.operation.label, each.title] = (each.message[:300], case.as_curl_command()[-200:])

        ask()
    assert wrong == {}
