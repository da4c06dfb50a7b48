"""What a document may hold at most, found out before it is validated: validating a hostile one is what takes long.

Every definition is measured once, however often its fragments are spread, so that the work is linear in the document's
size. Only a document that is small when its fragments are expanded is then looked at expanded.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NoReturn

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from domain.document_limits import DocumentLimits
from schema.introspection_cost import INTROSPECTION

TOO_COMPLEX = "DOCUMENT_TOO_COMPLEX"


def check(document: DocumentNode, limits: DocumentLimits, *, introspection: bool) -> None:
    """Raise a GraphQLError for a document that is too much of something, or asks what is not told here."""
    _Measuring(document, limits, introspection).check()


def exceeded(limits: DocumentLimits, name: str, message: str) -> GraphQLError:
    """The refusal of a document that goes beyond the limit of that name; `message` says it with a `{}`."""
    most = getattr(limits, name)
    return GraphQLError(message.format(most), extensions={"code": TOO_COMPLEX, "limit": name, "atMost": most})


class _Measuring:
    def __init__(self, document: DocumentNode, limits: DocumentLimits, introspection: bool) -> None:
        self._limits = limits
        self._introspection = introspection
        definitions = document.definitions
        self._operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        self._fragments = [node for node in definitions if isinstance(node, FragmentDefinitionNode)]
        self._by_name = {node.name.value: node for node in self._fragments}
        # By identity: comparing nodes means comparing all that is in them.
        self._measured: dict[int, tuple[int, int] | None] = {}
        self._aliases = 0
        self._directives = 0

    def check(self) -> None:
        if len(self._operations) > self._limits.operations:
            self._refuse("operations", "A document may have at most {} operations")
        if len(self._fragments) > self._limits.fragments:
            self._refuse("fragments", "A document may have at most {} fragments")
        for operation in self._operations:
            variables = operation.variable_definitions or ()
            if len(variables) > self._limits.variables:
                self._refuse("variables", "An operation may have at most {} variables")
            self._count_directives(operation.directives)
            for variable in variables:
                self._count_directives(variable.directives)
        definitions: list[OperationDefinitionNode | FragmentDefinitionNode] = [*self._operations, *self._fragments]
        try:
            for definition in definitions:
                self._check_size(definition)
        except RecursionError:
            self._refuse("depth", "Fields may be nested at most {} levels deep")
        for definition in definitions:
            self._check_repeats([definition.selection_set])
        for operation in self._operations:
            if operation.operation is OperationType.MUTATION and len(list(self._fields(operation.selection_set))) > 1:
                raise GraphQLError("Send one mutation field an operation", operation)

    def _check_size(self, definition: OperationDefinitionNode | FragmentDefinitionNode) -> None:
        if isinstance(definition, FragmentDefinitionNode):
            depth, size = self._fragment(definition)
        else:
            depth, size = self._measure(definition.selection_set, 1)
        if depth > self._limits.depth:
            self._refuse("depth", "Fields may be nested at most {} levels deep")
        if size > self._limits.fields:
            self._refuse("fields", "An operation may select at most {} fields, those of fragments included")

    def _measure(self, selections: SelectionSetNode, level: int) -> tuple[int, int]:
        """How deep the fields go, and how many selections there are; `level` is where we are in this definition."""
        if level > self._limits.depth + 1:
            self._refuse("depth", "Fields may be nested at most {} levels deep")
        depth = size = 0
        for selection in selections.selections:
            self._count_directives(selection.directives)
            below = inside = 0
            match selection:
                case FieldNode():
                    self._count_field(selection)
                    if selection.selection_set:
                        below, inside = self._measure(selection.selection_set, level + 1)
                    # What introspection costs is counted by itself: lists within lists, and not levels.
                    below = 1 if selection.name.value in INTROSPECTION else below + 1
                case InlineFragmentNode():
                    below, inside = self._measure(selection.selection_set, level)
                case FragmentSpreadNode() if fragment := self._by_name.get(selection.name.value):
                    below, inside = self._fragment(fragment)
            depth, size = max(depth, below), size + inside + 1
        return depth, size

    def _fragment(self, fragment: FragmentDefinitionNode) -> tuple[int, int]:
        if id(fragment) not in self._measured:
            self._count_directives(fragment.directives)
            self._measured[id(fragment)] = None
            self._measured[id(fragment)] = self._measure(fragment.selection_set, 1)
        measured = self._measured[id(fragment)]
        if measured is None:
            raise GraphQLError("A fragment may not spread itself, be it through others", fragment)
        return measured

    def _count_field(self, field: FieldNode) -> None:
        if field.alias:
            self._aliases += 1
            if self._aliases > self._limits.aliases:
                self._refuse("aliases", "A document may have at most {} aliases")
        if not self._introspection and field.name.value in INTROSPECTION:
            raise GraphQLError("Introspection is switched off here", field, extensions={"code": "INTROSPECTION_OFF"})

    def _count_directives(self, directives: Iterable[object] | None) -> None:
        self._directives += len(list(directives or ()))
        if self._directives > self._limits.directives:
            self._refuse("directives", "A document may have at most {} directives")

    def _check_repeats(self, merged: list[SelectionSetNode]) -> None:
        """Look at what stands at one place of the answer: validation compares each with each."""
        below: dict[str, list[SelectionSetNode]] = defaultdict(list)
        repeats: Counter[str] = Counter()
        for selections in merged:
            for field in self._fields(selections):
                key = (field.alias or field.name).value
                repeats[key] += 1
                if field.selection_set:
                    below[key].append(field.selection_set)
        if repeats and max(repeats.values()) > self._limits.repeats:
            self._refuse("repeats", "The same field may be selected at most {} times in one place")
        for inside in below.values():
            self._check_repeats(inside)

    def _fields(self, selections: SelectionSetNode) -> Iterable[FieldNode]:
        """The fields of a selection, those of its fragments included."""
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    yield selection
                case InlineFragmentNode():
                    yield from self._fields(selection.selection_set)
                # Validation says which fragment is missing.
                case FragmentSpreadNode() if fragment := self._by_name.get(selection.name.value):
                    yield from self._fields(fragment.selection_set)

    def _refuse(self, name: str, message: str) -> NoReturn:
        raise exceeded(self._limits, name, message)
