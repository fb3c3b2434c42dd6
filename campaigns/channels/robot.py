"""The robot of a chat group: one post for everybody in it, through `apprise`.

apprise tells yes from no and no more: no means that the platform's answer was not 200 or did not come, so nobody can
know. It also takes any 200 for a yes, although these platforms say with 200 that a robot talks too much; a post that
matters is looked at in the group.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from campaigns.campaigns import Medium
from campaigns.channels.channel import Message, Outcome, Refused, Taken, Undecided, one_by_one

_ADDRESS = {
    "wecom": "wecombot://{token}/",
    "dingtalk": "dingtalk://{secret}{token}/",
    "feishu": "feishu://{token}/",
    "lark": "lark://{token}/",
}


class RobotSettings(BaseModel):
    """Which platform, and the slug of the group the robot is in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    platform: Literal["wecom", "dingtalk", "feishu", "lark"]
    group: str = Field("", max_length=64)


@dataclass(frozen=True)
class RobotChannel:
    """A robot by its address; the platform's host is apprise's own, so nobody can point it elsewhere."""

    address: str = field(repr=False)
    medium: Medium = Medium.ROBOT
    at_once: int = 1
    repeatable: bool = False

    @contextmanager
    def connect(self) -> Iterator["RobotChannel"]:
        yield self

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        return one_by_one(self._post, messages)

    def _post(self, message: Message) -> Taken:
        import apprise  # here: it knows a hundred platforms, and most processes need none

        robot = apprise.Apprise()
        if not robot.add(self.address):
            raise Refused("this is no robot's token")
        if not robot.notify(body=message.text, body_format=apprise.NotifyFormat.TEXT):
            raise Undecided("the group's platform did not say yes")
        return Taken()


def robot_channel(settings: RobotSettings, secrets: Mapping[str, str], *, allow_private: bool) -> RobotChannel:  # noqa: ARG001 - like the others
    """Return the channel. Secrets: token, and for DingTalk the signing secret."""
    secret = secrets.get("secret", "")
    address = _ADDRESS[settings.platform].format(
        token=quote(secrets["token"], safe=""), secret=f"{quote(secret, safe='')}@" if secret else ""
    )
    return RobotChannel(address)
