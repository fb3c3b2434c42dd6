"""A wrong setting is one line that names it, its value and what would be right, at every entry."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import main
from retention.errors import Invalid
from retention.settings import Settings, get_settings

ROOT = Path(__file__).resolve().parents[2]

WRONG = [
    ("DATABASE_URL", "mysql://root:pw@db/shop", "mysql://...@db/shop: Regulars works with SQLite and PostgreSQL"),
    ("DATABASE_URL", "not an address", "cannot be read as an address"),
    ("DATABASE_URL", "postgresql://db:many/shop", "cannot be read as an address"),
    ("DATABASE_URL", "postgresql://db:99999/shop", "port 99999 is not between 1 and 65535"),
    ("DATABASE_URL", "sqlite://", "SQLite needs a file"),
    ("BROKER_URL", "kafka9://queue", "no queue is called kafka9"),
    ("BROKER_URL", "redis://queue:none/0", "cannot be read as an address"),
    ("BROKER_URL", "redis:///0", "it names no host"),
    ("BROKER_URL", "redis://queue/first", "a database of Redis is a number, not first"),
    ("FILES_URL", "tape://library", "name a folder, or an address such as s3://bucket/regulars"),
    ("PUBLIC_URL", "javascript:alert(1)", "buyers reach http:// and https:// only"),
    ("PUBLIC_URL", "r.example.cn", "buyers reach http:// and https:// only"),
    ("PUBLIC_URL", "https://", "it names no host"),
    ("PUBLIC_URL", "https://r.example.cn:70000", "cannot be read as an address"),
    ("PUBLIC_URL", "https://r.example.cn/?to=", "nothing may stand before the host or after a path"),
    ("PUBLIC_URL", "https://me@r.example.cn", "nothing may stand before the host or after a path"),
    ("PUBLIC_URL", "https://r.example.cn/a b", "blanks or characters that cannot be seen"),
    ("SMTP_URL", "mail.example.cn:25", "neither smtp:// nor smtps://"),
    ("SMTP_URL", "smtp://u:secret@mail:port", "smtp://...@mail:port: it cannot be read"),
    ("MAIL_FROM", "The shop", "it holds no mail address"),
    ("MAIL_FROM", "Shop <shop@example.cn>\nBcc: all@example.cn", "it holds no mail address"),
    ("ALLOW_PRIVATE_ADDRESSES", "perhaps", "valid boolean"),
    ("PULSE_IDLE", "abc", "valid number"),
    ("PULSE_IDLE", "0.5", "greater than or equal to 2"),
    ("PULSE_IDLE", "nan", "finite number"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_wrong_setting_is_one_line(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"REGULARS_{name}", value)
    with pytest.raises(SystemExit) as end:
        main(["db", "upgrade"])
    told = capsys.readouterr().err
    assert (end.value.code, told.count("\n")) == (2, 1)
    assert told.startswith(f"regulars: REGULARS_{name} is ")
    assert said in told
    assert "secret" not in told
    assert ":pw" not in told


def test_right_settings_are_taken_and_an_empty_one_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    right = {
        "DATABASE_URL": "postgres://u:p%40@db:5432/shop?sslmode=require",
        "BROKER_URL": "rediss://:p@queue:6380/1",
        "FILES_URL": "memory://files",
        "PUBLIC_URL": "https://[2001:db8::1]:8443/shop",
        "SMTP_URL": "smtps://u:p@mail.example.cn?tls=required",
        "MAIL_FROM": "山茶小铺 <shop@example.cn>",
    }
    for name, value in right.items():
        monkeypatch.setenv(f"REGULARS_{name}", value)
    settings = get_settings()
    assert [getattr(settings, name.lower()) for name in right] == list(right.values())
    get_settings.cache_clear()
    for name in right:
        monkeypatch.setenv(f"REGULARS_{name}", "")
    assert get_settings() == Settings()


def test_two_wrong_settings_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_DATABASE_URL", "mysql://db/shop")
    monkeypatch.setenv("REGULARS_PUBLIC_URL", "ftp://r.example.cn")
    with pytest.raises(Invalid, match=r"REGULARS_DATABASE_URL is .*; REGULARS_PUBLIC_URL is "):
        get_settings()


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "--factory", "api.app:create_app"],
        ["celery", "-A", "api.worker", "beat"],
        ["alembic", "current"],
        ["api.cli", "serve"],
    ],
)
def test_every_entry_ends_with_that_line(command: list[str], tmp_path: Path) -> None:
    environment = {"REGULARS_HOME": str(tmp_path), "REGULARS_PUBLIC_URL": "javascript:alert(1)"}
    environment |= {"REGULARS_DATABASE_URL": "mysql://db/shop"}
    program = [sys.executable, "-m", *command]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert "regulars: REGULARS_DATABASE_URL is mysql://db/shop: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "70000"], "'--port': Input should be less than or equal to 65535"),
        (["serve", "--port", "many"], "'--port': Input should be a valid integer"),
        (["serve", "--host", "no.such.host.invalid"], "no.such.host.invalid is not an address of this machine"),
    ],
)
def test_wrong_port_or_host_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    told = capsys.readouterr().err
    assert (end.value.code, told.count("\n")) == (2, 1)
    assert said in told


def test_damaged_database_and_closed_home_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "damaged.db").write_bytes(b"this was a database before the disk broke " * 99)
    (tmp_path / "file").write_text("in the way")
    in_the_way = f"{tmp_path}/file is a file; name a folder."
    damaged = "The database is damaged, or its file is not a database."
    for name, value, said, code in (
        ("DATABASE_URL", f"sqlite:///{tmp_path}/damaged.db", damaged, 1),
        ("HOME", str(tmp_path / "file"), in_the_way, 2),
        ("HOME", str(tmp_path / "file" / "folder"), in_the_way, 2),
    ):
        with monkeypatch.context() as context:
            context.setenv(f"REGULARS_{name}", value)
            get_settings.cache_clear()
            with pytest.raises(SystemExit) as end:
                main(["db", "upgrade"])
        told = capsys.readouterr().err
        assert (end.value.code, told.count("\n"), said in told) == (code, 1, True), told


@pytest.mark.parametrize("command", [["db", "upgrade"], ["failures", "list", "--shop", "tea"]])
@pytest.mark.parametrize("where", ["setting", "file"])
def test_every_command_refuses_a_key_that_is_too_short_without_showing_it(
    command: list[str],
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path))
    if where == "setting":
        monkeypatch.setenv("REGULARS_SECRET", "hunter2")
    else:
        (tmp_path / "secret").write_text("hunter2")
    with pytest.raises(SystemExit) as end:
        main(command)
    told = capsys.readouterr().err
    assert (end.value.code, told.count("\n"), "hunter2" in told) == (2, 1, False)
    assert "has 7 bytes; a key needs 32" in told
    assert not (tmp_path / "regulars.db").exists()


@pytest.mark.parametrize("name", ["HOME", "FILES_URL"])
def test_folder_that_is_a_file_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(f"REGULARS_{name}", str(file / "below"))
    with pytest.raises(SystemExit) as end:
        main(["db", "upgrade"])
    assert end.value.code == 2
    assert f"{file} is a file; name a folder" in capsys.readouterr().err
