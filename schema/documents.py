"""From a query's text to a document that may be executed: parsed, within the limits, valid, and all that only once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from domain.document_limits import DocumentLimits
from domain.trusted_document import digest
from execution.cache import Cache
from schema.document_cost import Cost, costs
from schema.document_limits import check, exceeded
from schema.introspection_cost import Introspection, TooMuch

# Of those that came again, of those that came once, and of those that are trusted; bytes of memory.
_KNOWN = 2_000
_NEW = 100
_TRUSTED = 2_000
_KNOWN_BYTES = 16 * 2**20
_NEW_BYTES = 4 * 2**20
_TRUSTED_BYTES = 64 * 2**20
# Documents of clients have some hundred tokens, the largest 2,000.
_TOKEN_BYTES = 500
_MOST_ERRORS = 5
# Values of the schema in an operation that asks for something else too, and is therefore answered on the event loop.
_BESIDE = 2_000
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that may be executed, and what its operations cost."""

    text: str
    document: DocumentNode
    costs: dict[str | None, Cost]

    def named(self, operation_name: str | None) -> tuple[str | None, Cost | None]:
        """The operation of that name, the only one where none is named, and what it costs; None for no such one."""
        if operation_name is None and len(self.costs) == 1:
            return next(iter(self.costs.items()))
        return operation_name, self.costs.get(operation_name)


class Refused(Exception):
    """A document that was parsed and may not be executed."""

    def __init__(self, document: DocumentNode, errors: list[GraphQLError]) -> None:
        super().__init__(*errors)
        self.document = document
        self.errors = errors


class Documents:
    """Prepares documents, and remembers those that may be executed.

    What is refused drives nothing out, and what comes once nothing that came again. Trusted documents are remembered
    apart, so that nothing that anybody sends drives them out. `manifest` holds the texts, by digest, of those that came
    with the server; the others were published.
    """

    def __init__(
        self, schema: GraphQLSchema, limits: DocumentLimits, *, introspection: bool, show_cost: bool = False
    ) -> None:
        self.limits = limits
        self.manifest: Mapping[str, str] = {}
        # How often published documents were forgotten.
        self.era = 0
        self._schema = schema
        self._introspection = introspection
        self._show_cost = show_cost
        self._known: Cache[str, Prepared] = Cache(_KNOWN, _KNOWN_BYTES)
        self._new: Cache[str, Prepared] = Cache(_NEW, _NEW_BYTES)
        self._trusted: Cache[str, Prepared] = Cache(_TRUSTED, _TRUSTED_BYTES)

    @property
    def remembered(self) -> int:
        """How many documents are at hand."""
        return len(self._trusted) + len(self._known) + len(self._new)

    def prepare(self, query: str) -> Prepared:
        """The document of a text that anybody may have sent.

        Raises GraphQLError for what is not GraphQL, and Refused.
        """
        key = digest(query)
        known = self._trusted.get(key) or self._known.get(key)
        if known is not None:
            return known
        if key in self.manifest:
            return self.trust(query)
        again = self._new.get(key)
        if again is not None:
            self._new.remove(key)
            self._known.put(key, again, _bytes(again))
            return again
        prepared = self._prepare(query)
        self._new.put(key, prepared, _bytes(prepared))
        return prepared

    def at_hand(self, query: str) -> Prepared | None:
        """The document of a text that is trusted, or came again; None where it has to be prepared."""
        key = digest(query)
        return self._trusted.get(key) or self._known.get(key)

    def trust(self, text: str) -> Prepared:
        """The document of a text that is trusted, to be remembered as such. Raises GraphQLError and Refused."""
        key = digest(text)
        known = self._trusted.get(key)
        if known is None:
            known = self._prepare(text)
            self._trusted.put(key, known, _bytes(known))
        return known

    def trusted(self, key: str) -> str | None:
        """The text of a trusted document, if it is known here by that digest."""
        known = self._trusted.get(key)
        return known.text if known else self.manifest.get(key)

    def sent(self, key: str) -> str | None:
        """The text of a document that somebody sent and that was executed, if it is still remembered."""
        known = self._known.get(key) or self._new.get(key)
        return known.text if known else None

    def forget_published(self) -> None:
        """Trust nothing any more but the manifest: what else was published has to be looked up again."""
        self._trusted.clear()
        self.era += 1

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
        if self._introspection:
            self._check_introspection(document)
        return Prepared(query, document, costs(self._schema, document))

    def _check_introspection(self, document: DocumentNode) -> None:
        asked = Introspection(self._schema, document)
        left = self.limits.introspection
        for operation in document.definitions:
            if not isinstance(operation, OperationDefinitionNode):
                continue
            alone = asked.is_all_of(operation)
            try:
                left -= asked.cost(operation, left if alone else min(left, _BESIDE))
            except TooMuch:
                message = "A document may ask for at most {} values of the schema"
                if not alone:
                    message += f", and beside something else for at most {_BESIDE}"
                raise Refused(document, [exceeded(self.limits, "introspection", message)]) from None

    def operation(self, query: str, operation_name: str | None) -> OperationDefinitionNode | None:
        """The operation of a document that was executed."""
        key = digest(query)
        # To ask about a document is not to send it again.
        known = self._trusted.get(key) or self._known.get(key) or self._new.get(key) or self._prepare(query)
        return get_operation_ast(known.document, operation_name)

    def shown(self, cost: int) -> dict[str, Any]:
        """What `extensions` tell of an operation's cost, in development."""
        return {"cost": {"total": cost, "atMost": self.limits.cost}} if self._show_cost else {}

    def reads_only(self, query: str, operation_name: str | None) -> bool:
        """Whether the operation of a document that was executed is a query."""
        operation = self.operation(query, operation_name)
        return operation is not None and operation.operation is OperationType.QUERY


def _bytes(prepared: Prepared) -> int:
    """What a document takes in memory, roughly: each of its tokens with the nodes around it."""
    return prepared.document.token_count * _TOKEN_BYTES


class DocumentGuard(SchemaExtension):
    """Stands in the place of parsing and validation, for one operation.

    The cost depends on variables, and is therefore looked at for every request.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
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
        return {} if self._cost is None else self._documents.shown(self._cost)
