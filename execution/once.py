"""Fields of the root that are not to be resolved twice for one operation, because somebody counts how often."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension


class Once(FieldExtension):
    """What the resolver of a root field answered, or raised, is kept for when graphql-core runs the operation again.

    It is kept in `outcomes` of the context, a dictionary that is made for each operation.
    """

    async def resolve_async(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,
        info: strawberry.Info[Any, Any],
        **kwargs: Any,
    ) -> Any:
        outcomes: dict[str, tuple[Any, Exception | None]] = info.context.outcomes
        node = info._raw_info.field_nodes[0]
        key = node.alias.value if node.alias else node.name.value
        if key not in outcomes:
            try:
                outcomes[key] = await next_(source, info, **kwargs), None
            except Exception as error:
                outcomes[key] = None, error
        value, raised = outcomes[key]
        if raised is not None:
            raise raised
        return value
