"""Every address of the console is useful to somebody who opens it: a page, or a way to the nearest one."""

import re
from typing import cast

from fastapi import FastAPI

from tests.api.console.doors import HOME, SignIn
from tests.api.test_rights import routes_of


def test_opening_an_address_that_takes_forms_or_needs_a_choice_leads_to_a_page(sign_in: SignIn) -> None:
    client = sign_in("owner")
    routes = [each for each in routes_of(cast("FastAPI", client.app)) if each.path.startswith("/shops/{slug}")]
    pages = {each.path for each in routes if each.method == "GET"}
    dead = []
    for path in sorted({each.path for each in routes if not each.params[1:]} | {each.path for each in routes} - pages):
        answer = client.get(_address(path), follow_redirects=False)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        if answer.status_code in {405, 422} or is_json or (path not in pages and answer.status_code not in {303, 404}):
            dead.append((path, answer.status_code))
    assert dead == []
    assert client.get(f"{HOME}/segments/split", follow_redirects=False).headers["location"] == f"{HOME}/segments"
    assert client.get(f"{HOME}/segments/rfm/movement").status_code == 200


def _address(path: str) -> str:
    return re.sub(r"{\w+(:\w+)?}", "1", path.replace("{slug}", "camellia"))
