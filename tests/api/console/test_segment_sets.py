"""Segments as sets on both databases: overlap, splitting, lists, the RFM squares."""

import re

import pytest
from sqlalchemy import Engine

from tests.api.console import sample
from tests.api.console.doors import SignIn
from tests.api.console.rule_forms import HOME, form_of, saved


@pytest.fixture
def camellia(camellia_on_both: Engine) -> Engine:
    return camellia_on_both


def test_overlap_counts_pairs_and_leads_to_the_builder(sign_in: SignIn) -> None:
    client = sign_in("viewer")
    page = client.get(f"{HOME}/overlap?of=followers&of=repeat-customers").text
    shared = sum(len(sample.order_times(number)) >= 2 for number in range(1, sample.BUYERS, 2))
    cells = re.findall(r"<td class=\"(?:own|shade-\d)\"><(?:span><b|a [^>]*)>(\d+)<", page)
    assert cells == ["120", str(shared), str(shared), str(sample.repeat_buyers())]
    for how, count in (
        ("any", 120 + sample.repeat_buyers() - shared),
        ("all", shared),
        ("minus", 120 - shared),
    ):
        page = client.get(f"{HOME}/combine?how={how}&of=followers&of=repeat-customers&first=followers").text
        assert f'<div class="matches"><b>{count}</b>' in page
    assert client.get(f"{HOME}/combine?how=some&of=followers").status_code == 422
    assert client.get(f"{HOME}/combine?how=any&of=nowhere").status_code == 404


def test_split_deals_everybody_once_and_refuses_shares_that_do_not_add_up(sign_in: SignIn, camellia: Engine) -> None:
    client, before = sign_in("marketer"), saved(camellia)
    refused = client.post(f"{HOME}/split", data={"segment": "followers", "shares": "50 40"})
    assert (refused.status_code, "add up to 100" in refused.text) == (422, True)
    assert client.post(f"{HOME}/split", data={"segment": "followers", "shares": "half"}).status_code == 422
    assert saved(camellia) == before
    client.post(f"{HOME}/split", data={"segment": "followers", "shares": "70, 20，10 %"})
    parts = [f"followers-part-{number}" for number in (1, 2, 3)]
    assert set(saved(camellia)) - set(before) == set(parts)
    page = client.get(f"{HOME}/combine?how=any&" + "&".join(f"of={part}" for part in parts)).text
    assert '<div class="matches"><b>120</b>' in page
    page = client.get(f"{HOME}/combine?how=all&" + "&".join(f"of={part}" for part in parts[:2])).text
    assert '<div class="matches"><b>0</b>' in page


def test_list_is_uploaded_and_says_which_ids_nobody_has(sign_in: SignIn, camellia: Engine) -> None:
    client = sign_in("marketer")
    fields = {"name": "内部员工", "short_name": "staff"}
    page = client.post(
        f"{HOME}/lists", data=fields, files={"file": ("ids.txt", "\ufeffB0001\r\nB0002\r\n\r\nB9999\r\n")}
    ).text
    assert "2 buyers are on the list." in page
    assert "B9999" in page
    rule = {"not": {"list": "staff"}}
    assert '<div class="matches"><b>238</b>' in client.post(f"{HOME}/preview", data=form_of(rule)).text
    picture = client.post(f"{HOME}/lists", data=fields, files={"file": ("ids.txt", b"\x89PNG\r\n\x1a\n\xff")})
    assert (picture.status_code, 'value="内部员工"' in picture.text) == (422, True)
    assert '<div class="matches"><b>238</b>' in client.post(f"{HOME}/preview", data=form_of(rule)).text


@pytest.mark.parametrize("scale", ["quintiles", "steps"])
def test_rfm_squares_and_groups_hold_everybody_and_open_as_segments(sign_in: SignIn, scale: str) -> None:
    client = sign_in("viewer")
    page = client.get(f"{HOME}/rfm?scale={scale}").text
    squares = re.findall(r'<td class="shade-\d"><a href="([^"]+)"[^>]*>(\d+)<small>', page)
    assert sum(int(count) for _address, count in squares) == sample.BUYERS
    address, count = squares[0]
    assert f'<div class="matches"><b>{count}</b>' in client.get(address.replace("&amp;", "&")).text
    groups = re.findall(r'<td class="n">(\d+)</td><td class="n tiny">', page)
    assert (len(groups), sum(map(int, groups))) == (11, sample.BUYERS)
    moved = client.get(f"{HOME}/rfm/movement?scale={scale}").text
    sides = re.findall(r'<td class="n">(\d+)</td><td class="n">(\d+)</td><td class="n', moved)[:11]
    assert [sum(int(side[place]) for side in sides) for place in (0, 1)] == [sample.BUYERS, sample.BUYERS]
