"""From a query's text to a document that may be executed: parsed, within the limits, valid, and all that only once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from execution.cache import Cache
from schema.document_cost import Cost, costs
from schema.document_limits import DocumentLimits, check, exceeded

# Of those that came again, and of those that came once.
_KNOWN = 500
_NEW = 100
_KNOWN_CHARACTERS = 1_000_000
_MOST_ERRORS = 5
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that may be executed, and what its operations cost."""

    document: DocumentNode
    costs: dict[str | None, Cost]


class Refused(Exception):
    """A document that was parsed and may not be executed."""

    def __init__(self, document: DocumentNode, errors: list[GraphQLError]) -> None:
        super().__init__(*errors)
        self.document = document
        self.errors = errors


class Documents:
    """Prepares documents, and remembers those that may be executed.

    What is refused drives nothing out, and what comes once nothing that came again.
    """

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits, *, introspection: bool) -> None:
        self.limits = limits
        self._schema = schema
        self._introspection = introspection
        self._known: Cache[str, Prepared] = Cache(_KNOWN, _KNOWN_CHARACTERS)
        self._new: Cache[str, Prepared] = Cache(_NEW, _KNOWN_CHARACTERS)

    @property
    def remembered(self) -> int:
        """How many documents are at hand."""
        return len(self._known) + len(self._new)

    def prepare(self, query: str) -> Prepared:
        """A document that may be executed. Raises GraphQLError for what is not GraphQL, and Refused."""
        prepared = self._known.get(query)
        if prepared is not None:
            return prepared
        prepared = self._new.get(query)
        if prepared is None:
            prepared = self._prepare(query)
            self._new.put(query, prepared, len(query))
        else:
            self._new.remove(query)
            self._known.put(query, prepared, len(query))
        return prepared

    def _prepare(self, query: str) -> Prepared:
        document = parse(query, max_tokens=self.limits.tokens)
        try:
            check(document, self.limits, introspection=self._introspection)
        except GraphQLError as error:
            raise Refused(document, [error]) from None
        errors = validate(
            self._schema, document, _RULES, max_errors=_MOST_ERRORS, hide_suggestions=not self._introspection
        )
        if errors:
            raise Refused(document, errors)
        return Prepared(document, costs(self._schema, document))

    def reads_only(self, query: str, operation_name: str | None) -> bool:
        """Whether the operation of a document that was executed is a query."""
        operation = get_operation_ast(self.prepare(query).document, operation_name)
        return operation is not None and operation.operation is OperationType.QUERY


class DocumentGuard(SchemaExtension):
    """Stands in the place of parsing and validation, for one operation.

    The cost depends on variables, and is therefore looked at for every request.
    """

    def __init__(self, documents: Documents, *, show_cost: bool) -> None:
        self._documents = documents
        self._show_cost = show_cost
        self._prepared: Prepared | None = None
        self._errors: list[GraphQLError] = []
        self._cost: int | None = None

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        try:
            self._prepared = self._documents.prepare(context.query or "")
            context.graphql_document = self._prepared.document
        except Refused as refused:
            context.graphql_document, self._errors = refused.document, refused.errors
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if self._prepared is None:
            pass
        elif len(self._prepared.costs) > 1 and context._provided_operation_name is None:
            # Strawberry would take the first.
            self._errors = [GraphQLError("`operationName` must say which of the operations to execute")]
        else:
            self._cost = self._prepared.costs[context.operation_name].of(context.variables or {})
            if self._cost > self._documents.limits.cost:
                message = f"The operation would cost {self._cost}, and {{}} is the most; ask for smaller pages"
                self._errors = [exceeded(self._documents.limits, "cost", message)]
        context.pre_execution_errors = self._errors
        yield

    def get_results(self) -> dict[str, Any]:
        if not self._show_cost or self._cost is None:
            return {}
        return {"cost": {"total": self._cost, "atMost": self._documents.limits.cost}}
