"""Signing in without typing: the login is written, and its cookie and the token of its forms are given to the browser.

That a password opens the door is tested at the door (`tests/api/test_signing_in.py`); everywhere else it costs time.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import select

from api import forms
from api.middleware import LANGUAGE_COOKIE
from retention.database import transaction
from retention.logins import open_login
from retention.users import User

CHEAP_HASHES = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
"""What the product takes, at the least cost there is: a hash takes microseconds instead of a tenth of a second."""


def login_cookies(app: FastAPI, email: str, *, language: str = "en") -> dict[str, str]:
    """Return what a browser keeps of a new login of the person with this address."""
    with transaction(app.state.engine) as session:
        user = session.exec(select(User).where(User.email == email)).one()
        return {forms.LOGIN_COOKIE: open_login(session, user, at=app.state.now()), LANGUAGE_COOKIE: language}


def sign_in(client: TestClient, email: str, *, language: str = "en") -> None:
    """Sign the person with this address in, in this browser and this language."""
    app: Any = client.app
    host = str(client.base_url.host)
    place = host if "." in host else f"{host}.local"  # where a cookie of an answer is kept
    for name, value in login_cookies(app, email, language=language).items():
        client.cookies.set(name, value, domain=place, path="/")


def token_of(client: TestClient) -> str:
    """Return what the pages of this login give their forms so that no other site can send them."""
    app: Any = client.app
    return forms.token_for(app.state.settings.signing_key(), client.cookies[forms.LOGIN_COOKIE])
