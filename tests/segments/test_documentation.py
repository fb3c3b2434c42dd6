import json
import re
from pathlib import Path

import pytest

from segments.descriptions import describe
from segments.rule_ast import Measure
from segments.rules import TEXT_FIELDS, parse
from segments.schema import rule_schema

PAGE = (Path(__file__).parents[2] / "docs" / "segments.md").read_text("utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_of_the_page_is_a_rule(example):
    assert describe(parse(json.loads(example))).startswith("Buyers who ")


def test_the_page_names_every_condition_measure_and_field():
    kinds = [branch["required"][0] for branch in rule_schema()["$defs"]["node"]["oneOf"]]
    missing = [word for word in [*kinds, *Measure, *TEXT_FIELDS] if not re.search(rf"[`\"{{, ]{word}[`\",]", PAGE)]
    assert missing == []


def test_the_page_says_its_first_example_as_the_engine_does():
    said = re.search(r'shows this as "(.*?)"', PAGE, re.DOTALL)
    assert said
    assert " ".join(said[1].split()) == describe(parse(json.loads(EXAMPLES[0])))
