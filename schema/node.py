"""Relay: objects with global ids, and connections of them."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from execution.values import by_class
from resolvers.node_id import encode

N = TypeVar("N")


@strawberry.interface(description="An object that can be asked for again by its `id`")
class Node:
    @strawberry.field(description="Global id: opaque, unique among all types, for `node(id:)`")
    def id(self: Any, info: strawberry.Info[Any, None]) -> strawberry.ID:
        return strawberry.ID(encode(info._raw_info.parent_type.name, self.id))


def backed_by(*rows: type) -> Callable[[Any, Any], bool]:
    """The `is_type_of` of a type whose objects are instances of one of `rows`."""

    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, rows)

    return by_class(is_type_of)


@strawberry.type(description="Where a page stands within its connection")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more nodes come after this page")
    has_previous_page: bool = strawberry.field(description="Whether this page began after a cursor")
    start_cursor: str | None = strawberry.field(description="Cursor of the first node; null for an empty page")
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last node, to be given as `after`; null for an empty page"
    )


@strawberry.type(description="A node of a page, with its cursor")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Where the node stands; a page may start `after` it")
    node: N = strawberry.field(description="The object itself")


@strawberry.type(description="A page of a list; cursors stay valid when rows are added or removed")
class Connection(Generic[N]):
    edges: list[Edge[N]] = strawberry.field(description="The nodes of this page, in order")
    page_info: PageInfo = strawberry.field(description="Whether and where to go on")

    @strawberry.field(description="How many nodes there are in all pages; costs a statement of its own")
    async def total_count(self: Any) -> int | None:
        return int(await self.count())


FIRST = "How many nodes at the most: 1 to 100"
AFTER = "Begin after this cursor, an `endCursor` of the same connection"
