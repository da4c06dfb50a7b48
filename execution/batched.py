"""Fields that read through a loader say so as data, so that a compiled operation reads a whole level at once.

`batched(...)` declares a field without arguments: a Strawberry field whose resolver awaits the loader, and which has a
mark. The resolver of any other field, a plain `def`, answers a `Load`: what is loaded, and what is made of it.
graphql-core awaits both, key by key.
"""

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_args, get_origin

import strawberry

MARK = "batched"

T = TypeVar("T")


class Load(Generic[T]):
    """The value of a key, which `loader` has, or what `then` makes of it."""

    __slots__ = ("key", "loader", "then")

    def __init__(self, loader: Any, key: Hashable, then: Callable[[Any], T] | None = None) -> None:
        self.loader = loader
        self.key = key
        self.then = then

    def __await__(self) -> Generator[Any, None, T]:
        found = yield from self.loader.load(self.key).__await__()
        return self.of(found)

    def of(self, found: Any) -> T:
        """The answer, once the value of the key was found."""
        answer: T = found if self.then is None else self.then(found)
        return answer


def answers_load(resolver: Callable[..., Any]) -> bool:
    """Whether a resolver says that it answers a `Load`, always or at times."""
    answer = getattr(resolver, "__annotations__", {}).get("return")
    if isinstance(answer, str):  # of a module whose annotations are not evaluated
        return answer.startswith(Load.__name__)
    return any((get_origin(each) or each) is Load for each in (answer, *get_args(answer)))


@dataclass(frozen=True, slots=True)
class Batched:
    """Where a field's value comes from.

    `loader` names a loader of the context, `key` the attribute of the parent that it is asked for. With a
    `scope`, the field is null where the parent's `allows(scope)` is false, and the loader is not asked.
    """

    loader: str
    key: str
    scope: object | None
    key_of: Callable[[Any], Hashable] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_of", attrgetter(self.key))


def batched(graphql_type: Any, *, loader: str, key: str, description: str, scope: object | None = None) -> Any:
    """A field of `graphql_type` that is read through the loader of that name."""
    mark = Batched(loader, key, scope)

    async def resolve(root: Any, info: strawberry.Info[Any, None]) -> Any:
        if scope is not None and not root.allows(scope):
            return None
        return await getattr(info.context.loaders, loader).load(getattr(root, key))

    return strawberry.field(resolver=resolve, graphql_type=graphql_type, description=description, metadata={MARK: mark})
