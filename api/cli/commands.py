"""The commands by name, each with the modules that make it: loaded when asked for, so that `--help` is quick."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast

import typer
from typer.core import TyperGroup


class Named(NamedTuple):
    """One name under `regulars`: the line `--help` shows, and the modules of `api.cli` that add it."""

    line: str
    modules: tuple[str, ...]


COMMANDS: Mapping[str, Named] = MappingProxyType(
    {
        "demo": Named("Run a sample shop from its order file to printed flyers, scans, orders and lift.", ("demo",)),
        "serve": Named(
            "Run web server, workers and scheduler until stopped; the database is upgraded first.", ("serve",)
        ),
        "db": Named("Create or upgrade the database.", ("db",)),
        "shop": Named("Create shops.", ("shop",)),
        "user": Named("Users of a shop.", ("user",)),
        "key": Named("API keys for other systems.", ("key",)),
        "import": Named("Import a file.", ("imports",)),
        "imports": Named("Imports that were made, and undoing one.", ("import_undo",)),
        "statuses": Named("Order status words that were given a meaning.", ("statuses",)),
        "mappings": Named("Saved mappings: what was said of a file, kept for the next.", ("mappings",)),
        "segments": Named("Segments: rules, matching buyers, and who entered or left.", ("segments", "segment_tools")),
        "campaigns": Named(
            "Campaigns: plan, launch, stop, results.",
            ("campaigns", "campaigns_content", "campaign_moves", "calendar"),
        ),
        "offers": Named("Offers: the terms of coupons.", ("campaigns",)),
        "senders": Named("Senders: mail servers, SMS gateways, webhooks, bots.", ("senders",)),
        "hooks": Named("Webhooks: events sent to other systems.", ("webhooks",)),
        "failures": Named("Failed background work, and retrying it.", ("failures",)),
        "branding": Named("Branding: logo and colour of a shop's email.", ("campaigns_content",)),
        "topics": Named("Topics that buyers can unsubscribe from one by one.", ("optouts",)),
        "bounces": Named("Bounces and complaints.", ("optouts",)),
        "consent": Named("Consent of buyers: opt-ins, opt-outs, pauses.", ("consent",)),
        "policy": Named("Shop-wide policy: frequency caps, quiet hours, inserts per parcel, approval.", ("policy",)),
        "posts": Named("Manual posts to chat groups and single buyers.", ("posts",)),
        "buyer": Named("Export or erase the data of one buyer.", ("privacy",)),
        "privacy": Named("Data retention periods.", ("privacy",)),
        "flyers": Named("Flyers: the content of inserts.", ("flyers",)),
        "batches": Named("Batches of printed inserts.", ("batches",)),
        "verify": Named("Decode every QR code in a PDF, as a phone would.", ("batches",)),
        "joint": Named("Joint flyers: one flyer shared by several shops.", ("joint",)),
        "report": Named("Reports of a shop.", ("reports",)),
        "lift": Named(
            "Compare each arm of an experiment with its control group, with confidence intervals.", ("lift",)
        ),
    }
)


class _Adds(Protocol):
    def add_to(self, app: typer.Typer) -> None: ...


class Commands(TyperGroup):
    """The group `regulars`: it knows its commands by name and loads one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the library hands it over
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the library hands it over
        from api.logs import configure_logs  # late, as everything a command needs

        configure_logs()
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the library hands it over
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.line) for name, command in COMMANDS.items()])


@cache
def _load(name: str) -> Any:
    """Return a command with its modules imported, in order: a later one adds to the group an earlier one made."""
    app = typer.Typer(rich_markup_mode=None)
    for module in COMMANDS[name].modules:
        cast("_Adds", import_module(f"api.cli.{module}")).add_to(app)
    return typer.main.get_group(app).commands[name]
