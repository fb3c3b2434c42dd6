"""The document of the REST API is what other systems are built from: it says what each value means."""

import pkgutil
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from api import shapes, v1
from api.shapes import descriptions
from api.shapes.buyers import TimesOut
from retention.privacy.retention_periods import KeptKind
from retention.settings import Settings
from tests.apps import create_app

LEAST_WORDS = 2


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """The document, for which no database is asked."""
    made = create_app(Settings(home=tmp_path, secret="x" * 32), engine=create_engine("sqlite://"))
    return made.openapi()


def described_names(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield where each property and parameter of the document stands, its name, and its description or nothing."""
    for shape, schema in document["components"]["schemas"].items():
        for name, each in schema.get("properties", {}).items():
            yield f"{shape}.{name}", name, each.get("description", "")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for each in operation.get("parameters", []):
                yield f"{method} {path} {each['name']}", each["name"], each.get("description", "")


def words_of(text: str) -> set[str]:
    """Return the words of a text without articles and the like, in the singular."""
    found = re.findall("[a-z]+", text.lower().replace("_", " "))
    return {each.removesuffix("s") for each in found} - {"the", "a", "an", "it", "of", "this"}


def test_every_property_and_parameter_says_more_than_its_name(document: dict[str, Any]) -> None:
    found = list(described_names(document))
    assert len(found) > 500
    short = [place for place, name, told in found if len(words_of(told) - words_of(name)) < LEAST_WORDS]
    assert short == []


def test_descriptions_are_sentences_of_one_list_each_and_all_are_used(document: dict[str, Any]) -> None:
    lists = [each for name, each in vars(descriptions).items() if name.startswith("_") and name[1:].isupper()]
    assert {name: times for name, times in Counter(name for each in lists for name in each).items() if times > 1} == {}
    told = {text for _, _, text in described_names(document)}
    assert set(descriptions.FIELDS.values()) - told == set()
    assert [each for each in told if not re.fullmatch(r"[`A-Z0-9].*\.", each, re.DOTALL)] == []


def test_properties_that_speak_of_null_can_be_null_and_states_say_what_each_means(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    fields = [
        (f"{shape}.{name}", name, each)
        for shape, schema in schemas.items()
        for name, each in schema.get("properties", {}).items()
    ]
    never = [
        place for place, _, each in fields if "null" in each["description"] and "null" not in str(each.get("anyOf"))
    ]
    assert never == []
    states = {place: each for place, name, each in fields if name == "state" and place.split(".")[0].endswith("Out")}
    assert len(states) > 7
    unsaid = [
        f"{place}: {value}"
        for place, each in states.items()
        for value in schemas[each["$ref"].rpartition("/")[2]]["enum"]
        if f"`{value}`: " not in each["description"]
    ]
    assert unsaid == []


def test_shapes_load_no_web_framework_so_that_commands_start_quickly() -> None:
    every = ", ".join(f"api.shapes.{each.name}" for each in pkgutil.iter_modules(shapes.__path__))
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, {every}; print('pydantic' in sys.modules, 'fastapi' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.split() == ["True", "False"]


def test_shapes_of_answers_stand_in_one_place() -> None:
    elsewhere = {
        f"{path.name}: {name}"
        for path in Path(v1.__file__).parent.glob("*.py")
        for name in re.findall(r"(?m)^class (\w+Out)\b", path.read_text(encoding="utf-8"))
    }
    assert elsewhere == {"problems.py: FaultOut"}


def test_every_kind_that_is_kept_for_a_time_stands_in_the_answer() -> None:
    assert set(TimesOut.model_fields) == {kind.value for kind in KeptKind}
