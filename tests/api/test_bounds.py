"""No value breaks an endpoint: each is taken or refused, and a refusal of one that is too large names it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from retention.column_limits import check_row
from retention.errors import Invalid
from segments.segments import Segment
from tests.api.hostile import TOO_MUCH, example, spoilt
from tests.campaigns.conftest import NOON, Stage

Tea = Callable[[Callable[[Stage], Any]], Any]


def test_the_document_of_the_api_is_openapi_3_1(tea_app: FastAPI) -> None:
    spec = tea_app.openapi()
    assert spec["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(spec).iter_errors()] == []


def test_no_value_in_a_body_or_an_address_breaks_an_endpoint(  # noqa: C901 - a table: values by fields by endpoints
    backend: TestClient, tea: Tea, tea_app: FastAPI
) -> None:
    tea(lambda stage: stage.buyer("may"))
    backend._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    spec, broken = tea_app.openapi(), []
    unsaid: set[tuple[str, str, int]] = set()
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            body = example(schema, spec) if schema else None
            for name, bad in TOO_MUCH.items():
                for where, sent in spoilt(body, bad) if isinstance(body, dict) else ():
                    content = json.dumps(sent).encode()
                    headers = {"Content-Type": "application/json"}
                    address = path.replace("{", "").replace("}", "")
                    answer = backend.request(method, address, content=content, headers=headers)
                    if answer.status_code >= 500:
                        broken.append((method, path, where, name, answer.text[:80]))
                    if str(answer.status_code) not in operation["responses"]:
                        unsaid.add((method, path, answer.status_code))
                value = str(bad).replace("\ud800", "%ED%A0%80").replace("\0", "%00")[:3_000]
                for parameter in operation.get("parameters", ()):
                    if parameter["in"] == "path" and value:
                        address = path.replace(f"{{{parameter['name']}}}", value).replace("{", "").replace("}", "")
                    elif parameter["in"] == "query":
                        address = f"{path.replace('{', '').replace('}', '')}?{parameter['name']}={value}"
                    else:
                        continue
                    answer = backend.request(method, address)
                    if answer.status_code >= 500:
                        broken.append((method, address[:80], name, answer.text[:80]))
    assert broken == []
    assert unsaid == set(), "the document names every status that is answered"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": "x" * 201}, "name has at most 200 characters, this one 201"),
        ({"name": "a\0b"}, "name contains a NUL"),
        ({"name": "a\ud800"}, "name contains an incomplete character"),
        ({"name": None}, "name is required"),
        ({"rule": {"all": [{"x": "a\0"}]}}, "rule contains a NUL"),
        ({"rule": {"x": 10**30}}, "rule must be between -9223372036854775807 and 9223372036854775807"),
        ({"rule": {"x": float("nan")}}, "rule is a number that cannot be stored: nan"),
        ({"created_at": NOON.replace(year=9999)}, "created_at must be between the years 1900 and 2200, not in 9999"),
    ],
)
def test_a_row_is_refused_by_the_bound_of_its_column_and_the_field_is_named(values: dict[str, Any], says: str) -> None:
    fine = {
        "shop_id": 1,
        "slug": "x",
        "name": "x",
        "rule": {},
        "created_by": "u",
        "created_at": NOON,
        "changed_at": NOON,
    }
    check_row(Segment(**fine))
    with pytest.raises(Invalid, match=says):
        check_row(Segment(**{**fine, **values}))


def test_the_same_created_several_times_at_once_is_created_once_and_the_others_are_refused(backend: TestClient) -> None:
    hook = {"slug": "till", "url": "https://hooks.example.com/in", "events": ["message.sent"]}

    def make(path: str, body: dict[str, Any]) -> list[int]:
        with ThreadPoolExecutor(4) as pool:
            return sorted(pool.map(lambda _each: backend.post(path, json=body).status_code, range(4)))

    assert make("/api/v1/hooks", hook) in ([200, 409, 409, 409], [201, 409, 409, 409])
