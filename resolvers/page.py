"""Keyset pages for Relay connections: stable under inserts, unlike offsets (DESIGN 4)."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import orjson

from resolvers.errors import invalid_input

N = TypeVar("N")

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
_LONGEST_CURSOR = 256


# Each node has one: what is frozen takes longer to make.
@dataclass(slots=True)
class Edge(Generic[N]):
    """A node, and what gives its sort key: few ask for the cursor, which a page may start after."""

    node: N
    key: Callable[[], Sequence[object]] = field(repr=False)

    @property
    def cursor(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(list(self.key()))).rstrip(b"=").decode()


@dataclass(slots=True)
class PageInfo:
    """Where a page stands (Relay), from its first edge to its last; an empty one has neither."""

    has_next_page: bool
    has_previous_page: bool
    first: Edge[Any] | None
    last: Edge[Any] | None

    @property
    def start_cursor(self) -> str | None:
        return self.first.cursor if self.first else None

    @property
    def end_cursor(self) -> str | None:
        return self.last.cursor if self.last else None


@dataclass(slots=True)
class Page(Generic[N]):
    """One page; `count` asks how many nodes there are in all, and is only called when that is selected."""

    edges: Sequence[Edge[N]]
    page_info: PageInfo
    count: Callable[[], Awaitable[int]] = field(repr=False)


def size(first: int | None) -> int:
    """How many nodes were asked for: 1 to 100, and 20 when nothing is said."""
    if first is None:
        return DEFAULT_SIZE
    if not 1 <= first <= LARGEST_SIZE:
        raise invalid_input(f"`first` must be between 1 and {LARGEST_SIZE}")
    return first


def position(after: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The sort key that a cursor stands for, its parts of the given kinds; None at the beginning."""
    if after is None:
        return None
    try:
        key = orjson.loads(base64.b64decode(after[:_LONGEST_CURSOR] + "==", altchars=b"-_"))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds) or not _fits(key):
        raise invalid_input("`after` must be a cursor of this connection, unchanged")
    return tuple(key)


def page(
    nodes: Sequence[N],
    first: int,
    after: object | None,
    sort_key: Callable[[N], Sequence[object]],
    count: Callable[[], Awaitable[int]],
    *,
    has_more: bool,
) -> Page[N]:
    """A page of `nodes`; `has_more` says whether there are more after them."""
    edges = [Edge(node, partial(sort_key, node)) for node in nodes[:first]]
    return Page(
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_more,
            has_previous_page=after is not None,
            first=edges[0] if edges else None,
            last=edges[-1] if edges else None,
        ),
        count=count,
    )


def slice_of(items: Sequence[N], first: int | None, after: str | None, key: Callable[[N], int]) -> Page[N]:
    """A page of a short list that is at hand whole, in ascending order of `key`."""
    limit = size(first)
    place = position(after, int)
    rest = [item for item in items if place is None or key(item) > place[0]]

    async def count() -> int:
        return len(items)

    return page(rest, limit, place, lambda item: [key(item)], count, has_more=len(rest) > limit)


def _fits(key: list[Any]) -> bool:
    """Whether numbers are such as a bigint column holds: a made-up cursor must not fail in the database."""
    return all(not isinstance(part, int) or abs(part) < 2**63 for part in key)
