"""What an operation costs: how many fields it may have to resolve, every list at its size.

A page counts as many rows as `first` asks for, `nodes` as many as there are ids, and what is selected of a connection
counts once a row. The walk through a document is made once; what depends on variables is left open until a request
brings them, and the work for a request is linear in what was left open.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from resolvers.page import DEFAULT_SIZE, LARGEST_SIZE

# Lists without pages are short: the members of a household, the numbers of an account.
_SHORT_LIST = 5
_LONGEST_INT = len(str(-(2**31)))

Variables = Mapping[str, Any]
Size = Callable[[Variables], int]


@dataclass(eq=False, slots=True)
class Cost:
    """What is known of a selection's cost, and what counts as often as variables say."""

    fixed: int = 0
    open: list[tuple[Size, "Cost"]] = field(default_factory=list)

    def add(self, size: int | Size, inside: "Cost") -> None:
        if callable(size):
            self.open.append((size, inside))
            return
        self.fixed += size * inside.fixed
        if inside.open:
            self.open.append((lambda _: size, Cost(0, inside.open)))

    def of(self, variables: Variables) -> int:
        """The cost with these variables; a fragment that is spread many times is counted up once."""
        return self._of(variables, {})

    def _of(self, variables: Variables, known: "dict[Cost, int]") -> int:
        if self not in known:
            known[self] = self.fixed + sum(size(variables) * inside._of(variables, known) for size, inside in self.open)
        return known[self]


def costs(schema: GraphQLSchema, document: DocumentNode) -> dict[str | None, Cost]:
    """The cost of each operation of a valid document, by name."""
    counting = _Counting(schema, document)
    return {
        node.name.value if node.name else None: counting.operation(node)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    }


class _Counting:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._counted: dict[str, Cost] = {}
        self._defaults: dict[str, ValueNode] = {}

    def operation(self, node: OperationDefinitionNode) -> Cost:
        # Fragments are counted anew, since a variable's default is its operation's.
        self._counted = {}
        self._defaults = {
            variable.variable.name.value: variable.default_value
            for variable in node.variable_definitions or ()
            if variable.default_value is not None
        }
        root = self._schema.get_root_type(node.operation)
        assert root is not None  # the document is valid
        return self._selection(node.selection_set, root)

    def _selection(self, selections: SelectionSetNode, parent: GraphQLNamedType) -> Cost:
        cost = Cost()
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    cost.fixed += 1
                    # A union has nothing but __typename, and what introspection costs is counted by itself.
                    if selection.selection_set and not selection.name.value.startswith("__"):
                        assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
                        self._field(cost, selection, selection.selection_set, parent)
                case InlineFragmentNode():
                    condition = selection.type_condition
                    inner = self._schema.type_map[condition.name.value] if condition else parent
                    cost.add(1, self._selection(selection.selection_set, inner))
                case FragmentSpreadNode():
                    cost.add(1, self._fragment(selection.name.value))
        return cost

    def _field(
        self,
        cost: Cost,
        node: FieldNode,
        selections: SelectionSetNode,
        parent: GraphQLObjectType | GraphQLInterfaceType,
    ) -> None:
        definition = parent.fields[node.name.value]
        inside = self._selection(selections, get_named_type(definition.type))
        cost.add(self._size(node, definition, parent), inside)

    def _fragment(self, name: str) -> Cost:
        if name not in self._counted:
            node = self._fragments[name]
            self._counted[name] = self._selection(
                node.selection_set, self._schema.type_map[node.type_condition.name.value]
            )
        return self._counted[name]

    def _size(
        self, node: FieldNode, definition: GraphQLField, parent: GraphQLObjectType | GraphQLInterfaceType
    ) -> int | Size:
        """How often what is selected of a field counts."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if "first" in definition.args:
            return self._asked(given.get("first"), _rows)
        if not is_list_type(get_nullable_type(definition.type)):
            return 1
        if "ids" in definition.args:
            return self._asked(given.get("ids"), _length)
        # The rows of a connection have been counted where it was asked for its page.
        return 1 if "pageInfo" in parent.fields else _SHORT_LIST

    def _asked(self, value: ValueNode | None, count: Callable[[object], int]) -> int | Size:
        if isinstance(value, VariableNode):
            name, default = value.name.value, _literal(self._defaults.get(value.name.value))
            return lambda variables: count(variables.get(name, default))
        return count(_literal(value))


def _literal(value: ValueNode | None) -> object:
    """What is written in the document, as far as it says how many."""
    if isinstance(value, ListValueNode):
        return value.values
    # An id may be written as a number of any length.
    return int(value.value) if isinstance(value, IntValueNode) and len(value.value) <= _LONGEST_INT else None


def _rows(first: object) -> int:
    """The rows of a page; `resolvers.page` refuses what is more than the largest."""
    return min(max(first, 1), LARGEST_SIZE) if isinstance(first, int) else DEFAULT_SIZE


def _length(ids: object) -> int:
    return len(ids) if isinstance(ids, list | tuple) else 1
