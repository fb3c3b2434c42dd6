"""A form that is refused comes back as it was typed, with a sentence of ours that names the field by its label."""

import re

import pytest

from tests.api.console.doors import HOME, SignIn

CHINESE = re.compile("“?[\u4e00-\u9fff]")

REFUSED = [
    ("/privacy", "/privacy", {"agents": "x", "uploads": "31", "texts": "41", "audit": "51"}, "uploads"),
    ("/privacy", "/privacy", {"uploads": "31", "texts": "41", "audit": "51"}, "uploads"),
    ("/people", "/people/keys", {"name": "n" * 101, "last_day": "2027-01-01"}, "last_day"),
    ("/people", "/people/keys", {"name": "a\0b", "last_day": "2027-01-01", "scopes": "orders:write"}, "last_day"),
    ("/hooks", "/hooks", {"name": "n" * 65, "url": "https://hooks.example.com/x", "events": "message.sent"}, "url"),
    ("/joint/new", "/joint", {"theme": "t" * 201, "short": "spring", "language": "en"}, "short"),
    ("/buyers/B0001", "/buyers/B0001/pause", {"last_day": "9999-12-31", "source": "phone"}, "last_day"),
    ("/offers/new", "/offers/new", {"name": "x" * 201, "slug": "spring", "kind": "amount", "value": "1"}, "slug"),
]


@pytest.mark.parametrize(("page", "address", "typed", "kept"), REFUSED)
def test_refused_form_keeps_what_was_typed_and_is_answered_in_chinese(
    sign_in: SignIn, page: str, address: str, typed: dict[str, str], kept: str
) -> None:
    client = sign_in("owner", language="zh-CN")
    answer = client.post(HOME + address, data=typed, headers={"Referer": f"http://testserver{HOME}{page}?done=saved"})
    assert answer.status_code == 422
    said = re.findall(r'class="notice bad[^>]*>(?:<svg.*?</svg>)?(?:<span>)?([^<]+)', answer.text)
    assert len(said) == 1
    assert CHINESE.match(said[0]), said
    assert not re.search(r"[a-z]{3}", said[0].replace(typed.get("last_day", ""), "")), said
    assert typed[kept] in answer.text


def test_what_fastapi_cannot_read_names_the_label_and_the_bound(sign_in: SignIn) -> None:
    client = sign_in("owner")
    referer = {"Referer": f"http://testserver{HOME}/people"}
    answer = client.post(f"{HOME}/people/keys", data={"name": "n" * 101}, headers=referer)
    assert "System using the key has at most 100 characters." in answer.text
    without = client.post(f"{HOME}/people/keys", data={"name": "n" * 101})
    assert "System using the key has at most 100 characters." in without.text
    bare = client.post(f"{HOME}/people/keys", data={"name": "n" * 101}, headers={"HX-Request": "true"} | referer)
    assert bare.text == "Name has at most 100 characters."


def test_page_of_another_site_or_of_a_program_is_not_opened_for_a_refusal(sign_in: SignIn) -> None:
    client = sign_in("owner")
    for address in ("https://evil.example/shops/camellia/people", "http://testserver/api/v1/segments"):
        answer = client.post(f"{HOME}/people/keys", data={"name": "n" * 101}, headers={"Referer": address})
        assert (answer.status_code, "Go to the home page" in answer.text) == (422, True)


def test_a_line_of_a_list_takes_its_own_words_back_and_no_other(sign_in: SignIn) -> None:
    client, referer = sign_in("owner"), {"Referer": f"http://testserver{HOME}/people"}
    for number in ("2", "3"):
        answer = client.post(f"{HOME}/people/{number}/role", data={"role": "nobody"}, headers=referer)
        assert (answer.status_code, answer.text.count("cannot be 'nobody'. Choose one of: Owner")) == (422, 1)


@pytest.mark.parametrize("address", ["http://[", "http://testserver/shops/camellia/%FF", "http://testserver/%00"])
def test_an_address_that_is_none_breaks_no_refusal(sign_in: SignIn, address: str) -> None:
    client = sign_in("owner")
    sent = client.post(f"{HOME}/people/keys", data={"name": "n" * 101}, headers={"Referer": address})
    assert sent.status_code == 422
    client.headers.pop("Sec-Fetch-Site")
    assert client.post(f"{HOME}/people/keys", data={}, headers={"Origin": "http://["}).status_code == 403


def test_refusal_of_what_the_page_no_longer_has_shows_the_page_as_it_stands(sign_in: SignIn) -> None:
    referer = {"Referer": f"http://testserver{HOME}/people"}
    answer = sign_in("owner").post(f"{HOME}/people/keys/9876/revoke", headers=referer)
    assert (answer.status_code, "Go to the home page" in answer.text) == (404, False)
