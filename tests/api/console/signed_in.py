"""The console for tests of campaign pages: the sample shop behind an application, and forms sent as pages send them."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign
from retention.database import reading
from retention.queue import app as queue
from retention.settings import Settings
from tests.api.console import sample
from tests.api.console.doors import HOME
from tests.apps import create_app
from tests.sign_in import sign_in, token_of

DRAFT = {"slug": "autumn", "name": "Autumn", "segment": "repeat-customers", "offer": "autumn-20", "to": "check"}


@dataclass
class Person:
    """Somebody signed in."""

    client: TestClient

    def page(self, path: str, status: int = 200) -> str:
        """Return a page of the shop; its status has to be `status`."""
        answer = self.client.get(HOME + path)
        assert answer.status_code == status, (path, answer.status_code)
        return answer.text

    def send(self, path: str, **fields: Any) -> Response:
        """Send a form as its page would, and return the answer behind all redirects."""
        answer = self.client.post(HOME + path, data={"csrf": token_of(self.client), **fields})
        assert answer.status_code < 500
        return answer


@dataclass
class Console:
    """The shop with a clock that tests turn."""

    engine: Engine
    home: Path
    now: datetime = sample.NOW

    def __post_init__(self) -> None:
        settings = Settings(home=self.home, public_url="http://testserver", secret=sample.SIGNING_KEY)
        self.app = create_app(settings, engine=self.engine, now=lambda: self.now)
        queue.conf.update(broker_url="memory://")

    def enter(self, who: str, *, shop: str = "camellia", language: str = "en") -> Person:
        """Sign somebody in by their role."""
        client = TestClient(self.app, headers={"Accept-Language": language, "Sec-Fetch-Site": "same-origin"})
        sign_in(client, f"{who}@{shop}.example", language=language)
        return Person(client)

    def campaign(self, slug: str = "autumn") -> Campaign:
        """Return a campaign as it is stored now."""
        with reading(self.engine) as session:
            return session.exec(select(Campaign).where(Campaign.slug == slug)).one()


def notice(text: str) -> str:
    """Return the line above a page without its marks; empty when there is none."""
    found = re.search(r'<div class="notice (?:bad|good)".*?<span>(.*?)</span>', text, re.DOTALL)
    return found[1] if found else ""


def title(text: str) -> str:
    """Return the heading of a page."""
    found = re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)
    assert found
    return found[1]
