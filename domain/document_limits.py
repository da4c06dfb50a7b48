"""How much a GraphQL document may hold; `schema.document_limits` measures it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """How much of each a document may have.

    `depth`, `fields` and `repeats` are those of one definition with its fragments expanded: levels of fields, fields
    and fragments together, and fields that share one place in the answer. `cost` is that of `schema.document_cost`, and
    `introspection` counts values of the schema (`schema.introspection_cost`), of which GraphiQL asks for 26,000.
    """

    tokens: int = 2_000
    operations: int = 20
    fragments: int = 30
    variables: int = 50
    directives: int = 30
    aliases: int = 30
    depth: int = 15
    fields: int = 400
    repeats: int = 20
    cost: int = 20_000
    introspection: int = 50_000
