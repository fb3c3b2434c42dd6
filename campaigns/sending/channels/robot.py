"""The robot of a chat group: one post for everybody in it, through `apprise`.

apprise tells yes from no and no more: no means that the platform's answer was not 200 or did not come, so nobody can
know. It also takes any 200 for a yes, although these platforms say with 200 that a robot talks too much; a post that
matters is looked at in the group.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from campaigns.campaigns import Medium
from campaigns.sending.channels.channel import Message, Outcome, Taken, TryLater, Undecided, one_by_one


class RobotSettings(BaseModel):
    """Which platform, and the slug of the group the robot is in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    platform: Literal["wecom", "dingtalk", "feishu", "lark"]
    group: str = Field("", max_length=64)


@dataclass(frozen=True)
class RobotChannel:
    """A robot; the platform's host is apprise's own, so nobody can point it elsewhere."""

    platform: str
    secrets: Mapping[str, str] = field(repr=False)
    medium: Medium = Medium.ROBOT
    at_once: int = 1
    repeatable: bool = False

    @contextmanager
    def connect(self) -> Iterator["RobotChannel"]:
        yield self

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        return one_by_one(self._post, messages)

    def _post(self, message: Message) -> Taken:
        try:
            robot = _robot(self.platform, self.secrets)
        except TypeError as error:  # what apprise raises for a token that cannot be one
            raise TryLater(f"this is no robot's token: {error}", of_sender=True) from error
        if not robot.notify(body=message.text, body_format="text"):
            raise Undecided("the group's platform did not say yes")
        return Taken()


def robot_channel(settings: RobotSettings, secrets: Mapping[str, str], *, allow_private: bool) -> RobotChannel:  # noqa: ARG001 - like the others
    """Return the channel. Secrets: token, and for DingTalk the signing secret."""
    return RobotChannel(settings.platform, dict(secrets))


def _robot(platform: str, secrets: Mapping[str, str]) -> Any:
    """Return apprise's robot. Its own look-up would load all the hundred platforms it knows."""
    kinds: dict[str, tuple[str, str, dict[str, str | None]]] = {
        "wecom": ("wecombot", "NotifyWeComBot", {"key": secrets["token"]}),
        "dingtalk": ("dingtalk", "NotifyDingTalk", {"token": secrets["token"], "secret": secrets.get("secret")}),
        "feishu": ("feishu", "NotifyFeishu", {"token": secrets["token"]}),
        "lark": ("lark", "NotifyLark", {"token": secrets["token"]}),
    }
    module, name, known = kinds[platform]
    return getattr(import_module(f"apprise.plugins.{module}"), name)(**known)
