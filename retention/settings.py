"""Settings: few, typed, read once from the environment, by entry points only."""

import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from retention import setting_checks
from retention.errors import Error, Invalid
from retention.home import keep_once, open_home

SHORTEST_KEY = 32
"""Bytes of the key that signs and seals: 256 bits."""


DEMO_MARK = "demonstration"
"""The file in REGULARS_HOME that says so."""

_CHECKS: dict[str, Callable[[Any], Any]] = {
    "home": setting_checks.check_folder,
    "database_url": setting_checks.check_database,
    "broker_url": setting_checks.check_broker,
    "files_url": setting_checks.check_files,
    "public_url": setting_checks.check_public,
    "smtp_url": setting_checks.check_mail_server,
    "mail_from": setting_checks.check_sender,
}


class Settings(BaseSettings):
    """What differs between one installation and the next. Every name is prefixed with ``REGULARS_``."""

    model_config = SettingsConfigDict(env_prefix="REGULARS_", env_ignore_empty=True, frozen=True)

    home: Path = Field(Path("var"), description="Folder for the embedded database, files, queue and logs.")
    database_url: str = Field("", description="SQLAlchemy address; empty means SQLite inside REGULARS_HOME.")
    broker_url: str = Field("", description="Celery broker; empty means a filesystem queue inside REGULARS_HOME.")
    files_url: str = Field(
        "", description="Where files are kept: a folder, or an address fsspec knows; empty means REGULARS_HOME/files."
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Address buyers reach; QR codes and links begin with it."
    )
    smtp_url: str = Field(
        "smtp://127.0.0.1:1025", description="Mail server: smtp:// or smtps://, user:password@host:port."
    )
    mail_from: str = Field(
        "Regulars <shop@localhost.localdomain>", description="Sender of mail when a shop names none."
    )
    secret: str = Field(
        "", repr=False, description="Key that signs forms and unsubscribe links; empty means one kept in REGULARS_HOME."
    )
    allow_private_addresses: bool = Field(
        False, description="Let shops' senders and hooks reach addresses inside this machine's network."
    )
    pulse_idle: float = Field(
        30.0,
        ge=2,
        le=3600,
        allow_inf_nan=False,
        description="Seconds of silence after which `regulars serve` ends an idle process.",
    )

    @field_validator("home", "database_url", "broker_url", "files_url", "public_url", "smtp_url", "mail_from")
    @classmethod
    def _is_right(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a value that could only fail later, far from here."""
        default = cls.model_fields[info.field_name or ""].default
        return value if value == default else _CHECKS[info.field_name or ""](value)

    @property
    def database(self) -> str:
        """The address to connect to, with psycopg 3 as the PostgreSQL driver."""
        if not self.database_url:
            return f"sqlite:///{self.home.resolve() / 'regulars.db'}"
        scheme, separator, rest = self.database_url.partition("://")
        driver = "postgresql+psycopg" if scheme in {"postgres", "postgresql"} else scheme
        return f"{driver}{separator}{rest}"

    @property
    def files(self) -> Path | str:
        """The folder or address of stored files."""
        return self.files_url if "://" in self.files_url else Path(self.files_url or self.home / "files")

    @property
    def demo(self) -> bool:
        """Whether `regulars demo` made this home: whatever it prints says DEMO across it."""
        return (self.home / DEMO_MARK).exists()

    def signing_key(self) -> bytes:
        """Return the secret that signs forms and links; made once and kept readable by its owner only.

        Invalid when it is so short that it can be guessed, or was cut off.
        """
        if self.secret:
            return _long_enough(self.secret.encode(), "REGULARS_SECRET")
        path = self.home / "secret"
        if not path.exists():
            open_home(self.home)
            keep_once(path, secrets.token_hex(32).encode())
        return _long_enough(path.read_bytes().strip(), str(path))


def _long_enough(key: bytes, source: str) -> bytes:
    if len(key) < SHORTEST_KEY:
        raise Invalid(
            "{source} has {length} bytes; a key needs {least}. Restore it from a backup: what it signed and "
            "encrypted needs the same key. For a new installation, generate one with `openssl rand -hex 32`.",
            source=source,
            length=len(key),
            least=SHORTEST_KEY,
        )
    return key


@cache
def get_settings() -> Settings:
    """Return this process's settings, read from the environment at the first call; Invalid for one that is wrong.

    So is a key that is too short, set or kept: every command refuses it, and not only the first that signs something.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise Invalid("{wrong}.", wrong="; ".join(_sentence_of(each) for each in error.errors())) from None
    if settings.secret or (settings.home / "secret").exists():
        settings.signing_key()
    return settings


def settings_or_exit() -> Settings:
    """Return the settings, or end the process with one line: for entries whose caller would show a traceback."""
    try:
        return get_settings()
    except Error as error:
        raise SystemExit(f"regulars: {error}") from None


def _sentence_of(wrong: ErrorDetails) -> str:
    name = f"REGULARS_{str(wrong['loc'][0]).upper()}"
    reason = str(wrong.get("ctx", {}).get("error", wrong["msg"])).rstrip(".")
    return f"{name} is {setting_checks.shown(wrong['input'])}: {reason}"
