"""One mutation field an operation: aliases must not be a way to guess many times at once (DESIGN 4, E12)."""

from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValidationRule,
)


class OneMutationField(ValidationRule):
    """Refuses an operation whose mutation has more than one field at its root, fragments included."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        if node.operation is OperationType.MUTATION and self._fields(node.selection_set, set()) > 1:
            self.report_error(GraphQLError("Send one mutation field an operation", node))

    def _fields(self, selections: SelectionSetNode, spread: set[str]) -> int:
        """How many fields there are at the root; a fragment that is spread again adds none."""
        count = 0
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    count += 1
                case InlineFragmentNode():
                    count += self._fields(selection.selection_set, spread)
                case FragmentSpreadNode() if selection.name.value not in spread:
                    spread.add(selection.name.value)
                    fragment = self.context.get_fragment(selection.name.value)
                    if isinstance(fragment, FragmentDefinitionNode):
                        count += self._fields(fragment.selection_set, spread)
        return count
