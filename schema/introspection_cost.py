"""What introspection costs: how many values of the schema an operation asks for, counted exactly and before it runs.

A list in a list of a schema's types is a million values, and graphql-core resolves all of them in one go. What is asked
of one thing is counted once, however often it is met, so that counting takes no longer than a document may cost.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_wrapping_type,
)

INTROSPECTION = {"__schema", "__type"}


class TooMuch(Exception):
    """More values are asked for than may be."""


@dataclass(frozen=True, slots=True, eq=False)
class _Selected:
    """What is selected of a thing of the schema, fragments included: so many values, and of some what is below."""

    fields: int
    below: list[tuple[str, "_Selected"]]


class Introspection:
    """What the operations of a valid document ask about the schema."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._most = self._looked = 0
        self._fragments = {
            node.name.value: node.selection_set
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        # By identity: comparing nodes means comparing all that is in them.
        self._selections: dict[int, _Selected] = {}
        self._counted: dict[tuple[int, int], int] = {}

    def is_all_of(self, operation: OperationDefinitionNode) -> bool:
        """Whether an operation asks for nothing else."""
        names = {field.name.value for field in self._fields(operation.selection_set)}
        return bool(names & INTROSPECTION) and names <= {*INTROSPECTION, "__typename"}

    def cost(self, operation: OperationDefinitionNode, most: int) -> int:
        """How many values an operation asks for. Raises TooMuch where there are more than `most`."""
        self._most, self._looked = most, 0
        cost = 0
        for field in self._fields(operation.selection_set):
            if field.name.value in INTROSPECTION and field.selection_set is not None:
                selected = self._selected(field.selection_set)
                things = [self._schema] if field.name.value == "__schema" else self._named(field)
                cost += 1 + max((self._values(selected, each) for each in things), default=0)
        if cost > most:
            raise TooMuch
        return cost

    def _named(self, field: FieldNode) -> Collection[GraphQLNamedType]:
        """The type that is asked for by name; all, where the name is a variable."""
        types = self._schema.type_map
        match [argument.value for argument in field.arguments or ()]:
            case [StringValueNode(value=name)]:
                return [types[name]] if name in types else []
            case _:
                return types.values()

    def _values(self, selected: _Selected, thing: Any) -> int:
        """How many values are asked for of a thing of the schema, and of all below it."""
        key = id(selected), id(thing)
        if key not in self._counted:
            # Each look is at a value at least: who makes us look longer has asked for too much already.
            self._looked += 1
            if self._looked > self._most:
                raise TooMuch
            cost = selected.fields
            for name, inside in selected.below:
                things = _BELOW[name](self._schema, thing)
                if inside.below:
                    for each in things:
                        cost += self._values(inside, each)
                else:
                    cost += len(things) * inside.fields
            self._counted[key] = cost
        return self._counted[key]

    def _selected(self, selections: SelectionSetNode) -> _Selected:
        if id(selections) not in self._selections:
            fields = self._fields(selections)
            below = [(each.name.value, self._selected(each.selection_set)) for each in fields if each.selection_set]
            self._selections[id(selections)] = _Selected(len(fields), below)
        return self._selections[id(selections)]

    def _fields(self, selections: SelectionSetNode) -> list[FieldNode]:
        """The fields of a selection, with those of its fragments; `schema.document_limits` has bounded them."""
        fields: list[FieldNode] = []
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    fields.append(selection)
                case InlineFragmentNode():
                    fields += self._fields(selection.selection_set)
                case FragmentSpreadNode():
                    fields += self._fields(self._fragments[selection.name.value])
        return fields


def _one(thing: object) -> Collection[Any]:
    return [] if thing is None else [thing]


def _has_fields(thing: object) -> bool:
    return is_object_type(thing) or is_interface_type(thing)


# What each field of introspection leads to, where it leads to things that have fields themselves.
_BELOW: dict[str, Callable[[GraphQLSchema, Any], Collection[Any]]] = {
    "types": lambda schema, _: schema.type_map.values(),
    "directives": lambda schema, _: schema.directives,
    "queryType": lambda schema, _: _one(schema.query_type),
    "mutationType": lambda schema, _: _one(schema.mutation_type),
    "subscriptionType": lambda schema, _: _one(schema.subscription_type),
    "fields": lambda _, thing: thing.fields.values() if _has_fields(thing) else [],
    "inputFields": lambda _, thing: thing.fields.values() if is_input_object_type(thing) else [],
    "enumValues": lambda _, thing: thing.values.values() if is_enum_type(thing) else [],
    "interfaces": lambda _, thing: thing.interfaces if _has_fields(thing) else [],
    "possibleTypes": lambda schema, thing: schema.get_possible_types(thing) if is_abstract_type(thing) else [],
    "args": lambda _, thing: thing.args.values(),
    "type": lambda _, thing: [thing.type],
    "ofType": lambda _, thing: [thing.of_type] if is_wrapping_type(thing) else [],
}
