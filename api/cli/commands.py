"""The commands by name, each with the modules that make it: loaded when asked for, so that `--help` is quick."""

from collections.abc import Mapping
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
        "demo": Named("Show a sample shop from its order file to printed flyers, scans, orders and lift.", ("demo",)),
        "serve": Named(
            "Run web, worker and scheduler under one parent until stopped; the database is upgraded first.", ("serve",)
        ),
        "db": Named("The database.", ("db",)),
        "shop": Named("Shops.", ("shop",)),
        "user": Named("People.", ("user",)),
        "key": Named("Keys for a shop's other systems.", ("key",)),
        "import": Named("Import a file.", ("imports",)),
        "segments": Named("Segments: rules, who matches them, and who came and went.", ("segments", "segment_tools")),
        "campaigns": Named(
            "Campaigns: plan, launch, stop, results.",
            ("campaigns", "campaigns_content", "campaign_moves", "calendar"),
        ),
        "offers": Named("Offers: the terms a coupon is under.", ("campaigns",)),
        "senders": Named("Senders: mail servers, text gateways, signed calls, bots.", ("senders",)),
        "hooks": Named("Webhooks: other systems notified of what happened.", ("webhooks",)),
        "failures": Named("What goes wrong by itself, and trying it again.", ("failures",)),
        "branding": Named("Branding: the logo and colour on a shop's mail.", ("campaigns_content",)),
        "topics": Named("Topics: what messages are about, for buyers to leave one by one.", ("optouts",)),
        "bounces": Named("Bounces and complaints.", ("optouts",)),
        "consent": Named("What buyers said about being written to.", ("consent",)),
        "policy": Named("The shop's policy: caps, quiet hours, inserts per parcel, approval.", ("policy",)),
        "posts": Named("Posts to chat groups and buyers that people send by hand.", ("posts",)),
        "buyer": Named("One buyer: export and erasure.", ("privacy",)),
        "privacy": Named("How long things are kept.", ("privacy",)),
        "flyers": Named("Flyers: what stands on the paper.", ("flyers",)),
        "batches": Named("Batches of printed inserts.", ("batches",)),
        "verify": Named("Decode every QR code in a PDF, as a phone would.", ("batches",)),
        "joint": Named("Joint flyers: one sheet that several shops share.", ("joint",)),
        "report": Named("Figures of a shop.", ("reports",)),
        "lift": Named("Hold each arm of an experiment against its control group, with intervals.", ("lift",)),
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


def _load(name: str) -> Any:
    """Return a command with its modules imported, in order: a later one adds to the group an earlier one made."""
    app = typer.Typer(rich_markup_mode=None)
    for module in COMMANDS[name].modules:
        cast("_Adds", import_module(f"api.cli.{module}")).add_to(app)
    return typer.main.get_group(app).commands[name]
