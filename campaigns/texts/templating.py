"""Templating: Liquid with limits on time and memory.

The library limits loops by what they nest to, and output. What it leaves open is closed here: the time a render takes,
the time reading a malformed template takes, many loops one after another, a range handed to a filter, texts that a
chain of filters multiplies, and numbers that grow by multiplication. Tags that reach for other templates or keep state
are not known here at all.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, wraps
from time import thread_time
from typing import Any

from liquid import BoundTemplate, Environment, Node, RenderContext, StrictUndefined
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions.filtered import FilteredExpression
from liquid.builtin.expressions.path import Path
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.output import OutputNode
from liquid.exceptions import FilterArgumentError, LiquidError, LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression
from liquid.token import Token

MOST_SECONDS = 0.25
"""Of the processor, for one render: a message takes a thousandth of that, and other work on the machine counts not."""

LONGEST_SOURCE = 20_000
LONGEST_TAG = 4_100
LONGEST_GAP = 200  # of blanks within a tag
MOST_RAW = 20
MOST_ITERATIONS = 1_000
MOST_LOOPS = 20
LONGEST_VALUE = 4_000  # letters or items that a filter may be handed
LARGEST_NUMBER = 10**15
MOST_PLAIN = 20_000  # letters; however many bytes each takes, that is below the limit of the output

_TAGS = frozenset(
    {"#", "assign", "break", "capture", "case", "comment", "content", "continue", "cycle", "echo", "for", "if"}
    | {"ifchanged", "illegal", "output", "unless"}
)


class _Timed(RenderContext):
    """A context that ends the render when its time is up. It is asked before every node and every filter."""

    __slots__ = ("_ends_at",)

    def __init__(self, template: BoundTemplate, **options: Any) -> None:
        self._ends_at = thread_time() + MOST_SECONDS
        super().__init__(template, **options)

    @property
    def disabled_tags(self) -> list[str]:
        """None; every node asks for them before it is rendered."""
        self._check_time()
        return []

    @disabled_tags.setter
    def disabled_tags(self, _names: list[str]) -> None:
        pass

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Return a filter, if there is time for it."""
        self._check_time()
        return super().filter(name, token)

    def _check_time(self) -> None:
        if thread_time() > self._ends_at:
            raise ResourceLimitError(f"it takes longer than {MOST_SECONDS} seconds", token=None)


class _Template(BoundTemplate):
    context_class = _Timed


class _Limited(Environment):
    template_class = _Template
    loop_iteration_limit = MOST_ITERATIONS
    output_stream_limit = 100_000
    local_namespace_limit = 100_000
    context_depth_limit = 10


def fill(source: str, values: dict[str, Any]) -> str:
    """Return the template filled with `values`; LiquidError for what it may not do or cannot get."""
    try:
        plain = _plain_parts(source)
        text = _put_together(plain, values) if plain else None
        return _parse(source).render(**values) if text is None else text
    except (ArithmeticError, ValueError, RecursionError) as error:  # the library lets some of Python's own through
        raise LiquidSyntaxError(str(error) or "it is nested too deep", token=None) from error


@lru_cache(maxsize=256)
def _parse(source: str) -> BoundTemplate:
    _check_source(source)
    template = _environment.from_string(source)
    _check_loops(template)
    return template


@lru_cache(maxsize=256)
def _plain_parts(source: str) -> tuple[str | list[str], ...]:
    """Return texts and paths of names, in turn, of a template that has nothing else; empty for any other.

    Most messages are that plain, and the library takes longer to fill one in than a mail server to take it.
    """
    parts: list[str | list[str]] = []
    for node in _parse(source).nodes:
        expression = getattr(node, "expression", None)
        if type(node) is ContentNode:
            parts.append(node.text)
        elif type(node) is OutputNode and type(expression) is FilteredExpression and not expression.filters:
            path = expression.left.path if type(expression.left) is Path else [None]
            if not all(type(step) is str for step in path):
                return ()
            parts.append([str(step) for step in path])
        else:
            return ()
    return tuple(parts)


def _put_together(parts: Iterable[str | list[str]], values: Any) -> str | None:
    """Return a plain template filled in; None where the library has to judge: a name unknown, no text, too long."""
    filled = []
    for part in parts:
        if isinstance(part, str):
            filled.append(part)
            continue
        found = values
        for step in part:
            found = found.get(step) if type(found) is dict else None
        if type(found) is not str:
            return None
        filled.append(found)
    text = "".join(filled)
    return text if len(text) <= MOST_PLAIN else None


def _check_source(source: str) -> None:
    """Refuse what the library's reader would go over again and again: tags never closed, long ones, long gaps."""
    if len(source) > LONGEST_SOURCE:
        raise LiquidSyntaxError(f"it has more than {LONGEST_SOURCE} letters", token=None)
    raw, place = 0, 0
    while opened := _OPENING.search(source, place):
        closing = "}}" if opened.group() == "{{" else "%}"
        end = source.find(closing, opened.end())
        if end < 0:
            raise LiquidSyntaxError(f"expected '{closing}', found end of file", token=None)
        if end - opened.end() > LONGEST_TAG:
            raise LiquidSyntaxError(f"what stands in braces has at most {LONGEST_TAG} letters", token=None)
        inside, place = source[opened.end() : end], end + 2
        if _LONG_GAP.search(inside):
            raise LiquidSyntaxError(f"what stands in braces has at most {LONGEST_GAP} blanks in a row", token=None)
        raw += inside.strip("- \t\r\n").startswith(("raw", "doc"))
    if raw > MOST_RAW:
        raise LiquidSyntaxError(f"it has more than {MOST_RAW} raw parts", token=None)


_OPENING = re.compile(r"\{[{%]")
_LONG_GAP = re.compile(rf"\s{{{LONGEST_GAP + 1}}}")


def _check_loops(template: BoundTemplate) -> None:
    """Refuse more loops than a message needs, and ranges other than those a loop counts through."""
    context = RenderContext(template)
    nodes = list(_walk(template.nodes, context))
    if sum(type(node).__name__ == "ForNode" for node in nodes) > MOST_LOOPS:
        raise LiquidSyntaxError(f"it has more than {MOST_LOOPS} loops", token=None)
    for node in nodes:
        for expression in _parts(node.expressions()):
            if isinstance(expression, RangeLiteral) and not _is_short(expression, context):
                raise LiquidSyntaxError(f"a range has at most {MOST_ITERATIONS} numbers, written out", token=None)


def _walk(nodes: Iterable[Node], context: RenderContext) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(node.children(context, include_partials=False), context)


def _parts(expressions: Iterable[Expression]) -> Iterator[Expression]:
    for expression in expressions:
        yield expression
        yield from _parts(expression.children())


def _is_short(found: RangeLiteral, context: RenderContext) -> bool:
    try:
        return len(found.evaluate(context)) <= MOST_ITERATIONS
    except (LiquidError, OverflowError):
        return False


def _bounded(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that refuses values so large that it, or the next one, could multiply them out of hand."""

    @wraps(work)
    def bounded(*values: Any, **named: Any) -> Any:
        if any(_is_large(value) for value in (*values, *named.values())):
            raise FilterArgumentError(f"{name} was given more than it takes", token=None)
        return work(*values, **named)

    return bounded


def _is_large(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) > LARGEST_NUMBER
    return isinstance(value, str | list | tuple | range) and len(value) > LONGEST_VALUE


def _open_environment() -> Environment:
    opened = _Limited(undefined=StrictUndefined, strict_filters=True)
    opened.tags = {name: tag for name, tag in opened.tags.items() if name in _TAGS}
    opened.filters = {name: _bounded(name, work) for name, work in opened.filters.items()}
    return opened


_environment = _open_environment()
