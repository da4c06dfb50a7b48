"""Where a field stands in an operation, and what its resolver is told about that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.values import VariableValues
from strawberry.execution import optimized_is_awaitable

from execution.anomaly import Anomaly


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """What all fields of a compiled operation have in common."""

    schema: GraphQLSchema
    node: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]


@dataclass(slots=True, eq=False)
class Place:
    """A field of an operation: the answer's key, and the nodes that ask for it of one type of object."""

    index: int
    key: str
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    definition: GraphQLField
    operation: Operation
    # How to make what a run has for the place; only for those places that have it.
    told: "Callable[[Run], Any]" = field(init=False)
    keywords: "Callable[[Run], dict[str, Any]]" = field(init=False)

    @property
    def name(self) -> str:
        return self.nodes[0].name.value

    @property
    def coordinates(self) -> tuple[str, str]:
        """The type and the name, such as ("Query", "viewer")."""
        return self.parent.name, self.name


T = TypeVar("T")


class _Made(dict[int, T]):
    """What a run has for a step or a place, by its index; made when it is first asked for."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make

    def __missing__(self, index: int) -> T:
        made = self[index] = self._make(index)
        return made


class Run:
    """One execution of a compiled operation.

    `queues`, by step: the objects that wait, each with the answer that its value goes into. By place: `infos`, which
    types and wrapped resolvers are told, `told`, which Strawberry's resolvers are told, and `keywords`, the arguments.
    """

    __slots__ = ("context", "infos", "keywords", "queues", "root_value", "told", "variables")

    def __init__(self, places: "Sequence[Place]", context: Any, root_value: Any, variables: VariableValues) -> None:
        self.context = context
        self.root_value = root_value
        self.variables = variables
        self.queues: _Made[list[tuple[Any, dict[str, Any]]]] = _Made(lambda _: [])
        self.infos: _Made[ResolveInfo] = _Made(lambda index: ResolveInfo(places[index], self))
        self.told: _Made[Any] = _Made(lambda index: places[index].told(self))
        self.keywords: _Made[dict[str, Any]] = _Made(lambda index: places[index].keywords(self))

    def close(self) -> None:
        """Let go of everything: what holds itself would stay until the garbage collector comes."""
        del self.queues, self.infos, self.told, self.keywords


class ResolveInfo:
    """Stands in the place of graphql-core's `GraphQLResolveInfo`; all objects of a level share it.

    It therefore knows no path, nor what only graphql-core's executor has: whoever asks for that is run by it.
    """

    __slots__ = ("_place", "_run")

    def __init__(self, place: Place, run: Run) -> None:
        self._place = place
        self._run = run

    @property
    def field_name(self) -> str:
        return self._place.name

    @property
    def field_nodes(self) -> list[FieldNode]:
        return self._place.nodes

    @property
    def return_type(self) -> GraphQLOutputType:
        return self._place.definition.type

    @property
    def parent_type(self) -> GraphQLObjectType:
        return self._place.parent

    @property
    def schema(self) -> GraphQLSchema:
        return self._place.operation.schema

    @property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        return self._place.operation.fragments

    @property
    def operation(self) -> OperationDefinitionNode:
        return self._place.operation.node

    @property
    def variable_values(self) -> VariableValues:
        return self._run.variables

    @property
    def context(self) -> Any:
        return self._run.context

    @property
    def root_value(self) -> Any:
        return self._run.root_value

    def is_awaitable(self, value: Any) -> bool:
        return optimized_is_awaitable(value)

    def __getattr__(self, name: str) -> Any:
        raise Anomaly(f"a resolver asked for info.{name}")
