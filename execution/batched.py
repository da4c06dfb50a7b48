"""Fields that read through a loader say so as data: `batched(...)`.

The declaration is a Strawberry field whose resolver awaits the loader, and carries a mark from which a compiled
operation can call the loader's batch function once for a whole level. Both read the same declaration.
"""

from dataclasses import dataclass
from typing import Any

import strawberry

MARK = "batched"


@dataclass(frozen=True, slots=True)
class Batched:
    """Where a field's value comes from.

    `loader` names a loader of the context, `key` the attribute of the parent that it is asked for. With a
    `scope`, the field is null where the parent's `allows(scope)` is false, and the loader is not asked.
    """

    loader: str
    key: str
    scope: object | None


def batched(graphql_type: Any, *, loader: str, key: str, description: str, scope: object | None = None) -> Any:
    """A field of `graphql_type` that is read through the loader of that name."""
    mark = Batched(loader, key, scope)

    async def resolve(root: Any, info: strawberry.Info[Any, None]) -> Any:
        if scope is not None and not root.allows(scope):
            return None
        return await getattr(info.context.loaders, loader).load(getattr(root, key))

    return strawberry.field(resolver=resolve, graphql_type=graphql_type, description=description, metadata={MARK: mark})
