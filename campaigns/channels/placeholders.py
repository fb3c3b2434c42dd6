"""Placeholders: `{name}` in a gateway's settings filled in with a message's values, and nothing behind a value."""

import re
from collections.abc import Mapping
from typing import Any

from campaigns.channels.channel import Message

_NAME = re.compile(r"\{([a-z_.]+)\}")


def values_of(message: Message, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return what a template may name: the message's own, its fields by path, and the secrets as secret.name."""
    own = {"to": message.to, "text": message.text, "subject": message.subject, "key": message.key}
    own |= {"language": message.language, "unsubscribe": message.unsubscribe_address}
    hidden = {f"secret.{name}": value for name, value in secrets.items()}
    return {**{name: str(value) for name, value in message.fields.items()}, **own, **hidden}


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """Return a template with its names filled in, in every text of a nested value; an unknown name is left empty."""
    if isinstance(template, str):
        return _NAME.sub(lambda found: values.get(found[1], ""), template)
    if isinstance(template, dict):
        return {name: fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    return template


def names_in(template: Any) -> set[str]:
    """Return the names a template asks for."""
    if isinstance(template, str):
        return set(_NAME.findall(template))
    parts = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    return {name for part in parts for name in names_in(part)}
