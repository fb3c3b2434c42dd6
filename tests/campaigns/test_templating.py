"""What a template may cost, and that it looks at nothing it was not given."""

import pytest

from campaigns.campaign.content import Template, read_content
from campaigns.texts.messages import render
from retention.errors import Invalid
from tests.campaigns.texts import english


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in (1..1000000000) %}x{% endfor %}",
        "{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..999) %}{% endfor %}" * 500,
        "{% for i in (1..1000000000) reversed limit:1 %}x{% endfor %}",
        "{{ (1..1000000000) | join: 'x' | size }}",
        "{% assign n = 300000000 %}{% assign a = (1..n) | reverse %}",
        "{% assign x = 'aaaaaaaa' %}{% for i in (1..900) %}{% assign x = x | append: x %}{% endfor %}{{ x }}",
        "{% assign x = 9 %}{% for i in (1..900) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
        "{% assign s = '" + "a" * 3900 + "' %}{{ s | replace: 'a', s | replace: 'a', s | size }}",
        "{% if link %}" * 500 + "{% endif %}" * 500,
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{{ link.__class__ }}",
        "{{ 1 | divided_by: 0 }}",
        "{% if (%}",
        ("{% for i in (1..1000) %}{{ link" + " | replace: 'a', 'b' | replace: 'b', 'a'" * 3 + " }}{% endfor %}") * 20,
        "{% for i in (1..1000) %}" + "{% if 1 == 1 %}{% endif %}" * 700 + "{% endfor %}",
        "{% for i in (1..1000) %}{% if " + "1 == 1 and " * 340 + "1 == 2 %}x{% endif %}{% endfor %}",
        "{{" * 9_000,
        "{%- if" + " " * 19_000,
        "{{-" + " " * 19_000,
        "{% liquid " + "\n" * 19_000,
        "{% raw %}" * 2_000,
        ("{{" + "a " * 2_500 + "}}") * 3,
        "x" * 20_000 + "{{ link }}",
    ],
    ids=lambda template: template[:40],
)
def test_no_template_runs_away_or_looks_around(template: str) -> None:
    with pytest.raises(Invalid, match=r"The message cannot be rendered: .{5}"):
        render({"en": Template("New tea", template)}, {"link": "https://x"}, language="en")


def test_what_a_message_needs_stays_within_the_limits() -> None:
    body = "{% for i in (1..3) %}{{ i }}{% endfor %} {{ name | default: 'friend' | upcase }} {{ name | size }}"
    said = render(read_content(english(body, preheader="{{ name }}\n next")), {"name": "ada"}, language="en")
    assert (said.body, said.preheader) == ("123 ADA 3", "ada next")
