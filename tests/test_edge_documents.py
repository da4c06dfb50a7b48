"""What a document may hold (the edge): measured before it is validated, in time linear in its size."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from domain.document_limits import DocumentLimits
from domain.trusted_document import digest
from execution.cache import Cache
from schema import document_limits
from schema.document_limits import TOO_COMPLEX, check
from schema.documents import Documents, Refused
from tests.cabinet import Cabinet
from tests.test_graphiql_examples import TEXTS

SCHEMA = build_schema("""
interface Node { id: ID! }
type Page { hasNextPage: Boolean! }
type Row implements Node { id: ID! name: String rows(first: Int = 20): Rows! friends: [Row!]! }
type Edge { node: Row! }
type Rows { edges: [Edge!]! pageInfo: Page! }
type Query { row: Row rows(first: Int = 20): Rows! nodes(ids: [ID!]!): [Node]! }
type Mutation { change(a: Int): Row other: Row }
""")
SMALL = DocumentLimits(
    tokens=150, operations=2, fragments=2, variables=2, directives=2, aliases=2, depth=3, fields=12, repeats=3, cost=100
)


def documents(limits: DocumentLimits = SMALL, *, introspection: bool = False) -> Documents:
    return Documents(SCHEMA, limits, introspection=introspection)


def refusal(query: str, by: Documents | None = None) -> GraphQLError | None:
    """The first error of a document, and None for one that may be executed."""
    try:
        (documents() if by is None else by).prepare(query)
    except Refused as refused:
        return refused.errors[0]
    return None


def told(error: GraphQLError | None) -> dict[str, Any]:
    """What a refusal says to programs."""
    return (error and error.extensions) or {}


FRAGMENTS = "fragment A on Row { id } fragment B on Row { id }"


@pytest.mark.parametrize(
    ("limit", "fits", "too_much"),
    [
        ("operations", "query A { row { id } } query B { row { id } }", "query C { row { id } }"),
        ("fragments", "{ row { ...A ...B } }" + FRAGMENTS, "fragment C on Row { id }"),
        ("variables", "query ($a: Int, $b: Int) { x: rows(first: $a) { pageInfo { hasNextPage } } }", "$c: Int"),
        ("directives", "{ row @include(if: true) { id @skip(if: false) } }", "name @skip(if: false)"),
        ("aliases", "{ a: row { b: id } }", "c: name"),
        ("depth", "{ row { rows { pageInfo } } }", "{ hasNextPage }"),
        ("fields", "{ row { a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 } }", "a11"),
        ("repeats", "{ row { id id id } }", "id"),
        ("repeats", "{ row { id ...A } row { id } }" + FRAGMENTS, "id"),
    ],
)
def test_every_limit_is_named_by_who_goes_beyond_it(limit: str, fits: str, too_much: str) -> None:
    assert told(refusal(fits)).get("limit") is None
    brackets = {"variables": "$b: Int", "depth": "pageInfo"}
    if limit in ("operations", "fragments"):
        beyond = f"{fits} {too_much}"
    elif limit in brackets:
        beyond = fits.replace(brackets[limit], f"{brackets[limit]} {too_much}")
    else:
        start = fits.index("}")
        beyond = f"{fits[:start]} {too_much} {fits[start:]}"
    error = refusal(beyond)
    assert error is not None
    assert told(error) == {"code": TOO_COMPLEX, "limit": limit, "atMost": getattr(SMALL, limit)}
    assert str(getattr(SMALL, limit)) in error.message


def test_tokens_are_counted_while_reading() -> None:
    with pytest.raises(GraphQLError, match="more than 150 tokens"):
        documents().prepare("{ row { " + "id " * 150 + "} }")


def exponential(length: int, spreads: int, leaf: str = "row { id }") -> str:
    """Fragments that spread the next one several times each."""
    links = "".join(f"fragment F{i} on Query {{ {f'...F{i + 1} ' * spreads} }} " for i in range(length))
    return f"{{ ...F0 }} {links} fragment F{length} on Query {{ {leaf} }}"


@pytest.mark.parametrize("query", [exponential(25, 2), exponential(20, 20), exponential(28, 18, "__typename")])
def test_documents_that_grow_with_every_spread_are_refused(query: str) -> None:
    assert told(refusal(query, documents(DocumentLimits())))["limit"] == "fields"


@pytest.mark.parametrize("first", ["...A", "...A ...A"])
def test_fragments_that_spread_themselves_are_refused(first: str) -> None:
    cycle = f"{{ row {{ {first} }} }} fragment A on Row {{ ...B ...B }} fragment B on Row {{ ...A ...A }}"
    assert "may not spread itself" in str(refusal(cycle))


NAMES = ["A", "B", "C"]
SELECTIONS = st.recursive(
    st.sampled_from(["id", "name", "x: id", *(f"...{name}" for name in NAMES)]),
    lambda inner: st.lists(inner, min_size=1, max_size=4).flatmap(
        lambda several: st.sampled_from(
            [
                f"row {{ {' '.join(several)} }}",
                f"... {{ {' '.join(several)} }}",
                f"... on Row {{ {' '.join(several)} }}",
            ]
        )
    ),
    max_leaves=8,
)
BODIES = st.lists(SELECTIONS, min_size=1, max_size=4).map(" ".join)
TEXTS_OF_ANY_KIND = st.tuples(BODIES, st.lists(BODIES, min_size=3, max_size=3)).map(
    lambda parts: (
        f"{{ {parts[0]} }}"
        + "".join(f" fragment {name} on Row {{ {body} }}" for name, body in zip(NAMES, parts[1], strict=True))
    )
)
UNLIMITED = DocumentLimits(**dict.fromkeys(DocumentLimits.__dataclass_fields__, 10**9))


def naive(document: DocumentNode) -> list[tuple[int, int]] | None:
    """Depth and size of every definition, fragments expanded as they come; None where they spread themselves."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    def expand(selections: SelectionSetNode, spread: tuple[str, ...]) -> tuple[int, int]:
        depth = size = 0
        for node in selections.selections:
            below, inside = 0, 0
            if isinstance(node, FieldNode):
                if node.selection_set:
                    below, inside = expand(node.selection_set, spread)
                below += 1
            elif isinstance(node, InlineFragmentNode):
                below, inside = expand(node.selection_set, spread)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name in spread:
                    raise RecursionError
                below, inside = expand(fragments[name].selection_set, (*spread, name))
            depth, size = max(depth, below), size + inside + 1
        return depth, size

    try:
        return [
            expand(node.selection_set, (node.name.value,) if isinstance(node, FragmentDefinitionNode) else ())
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
        ]
    except RecursionError:
        return None


@given(TEXTS_OF_ANY_KIND)
def test_documents_are_measured_as_if_their_fragments_were_written_out(text: str) -> None:
    document = parse(text)
    sizes = naive(document)
    if sizes is None:
        with pytest.raises(GraphQLError, match="may not spread itself"):
            check(document, UNLIMITED, introspection=True)
        return
    depth, size = (max(each) for each in zip(*sizes, strict=True))
    for limit, most in (("depth", depth), ("fields", size)):
        exactly = {**dict.fromkeys(DocumentLimits.__dataclass_fields__, 10**9), limit: most}
        check(document, DocumentLimits(**exactly), introspection=True)
        with pytest.raises(GraphQLError) as refused:
            check(document, DocumentLimits(**{**exactly, limit: most - 1}), introspection=True)
        assert told(refused.value)["limit"] == limit


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12), st.integers(1, 12))
def test_the_work_is_linear_in_the_document(spreads: list[int], leaves: int) -> None:
    """However often fragments are spread, each selection is looked at once before the limits hold."""
    links = "".join(
        f"fragment F{i} on Query {{ row {{ id }} {f'...F{i + 1} ' * times} }} " for i, times in enumerate(spreads)
    )
    text = f"{{ ...F0 }} {links} fragment F{len(spreads)} on Query {{ {'row { id } ' * leaves} }}"
    document = parse(text)
    looked = 0

    class Counting(document_limits._Measuring):
        def _count_directives(self, directives: Any) -> None:
            nonlocal looked
            looked += 1
            super()._count_directives(directives)

        def _check_repeats(self, merged: Any) -> None:
            """What is small is looked at again, and `fields` says how small."""

    with suppress(GraphQLError):
        Counting(document, DocumentLimits(fragments=20), False).check()
    assert looked <= len(text)


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ row { id name } }", {}, 3),
        ("{ rows(first: 3) { edges { node { id } } } }", {}, 1 + 3 * 3),
        ("{ rows { edges { node { id } } } }", {}, 1 + 20 * 3),
        ("{ rows(first: null) { pageInfo { hasNextPage } } }", {}, 1 + 20 * 2),
        # What is more than a page may hold is refused where it is asked for.
        ("{ rows(first: 1000000) { edges { node { id } } } }", {}, 1 + 100 * 3),
        ("{ rows(first: -5) { edges { node { id } } } }", {}, 1 + 3),
        ("query ($n: Int) { rows(first: $n) { edges { node { id } } } }", {"n": 7}, 1 + 7 * 3),
        ("query ($n: Int) { rows(first: $n) { edges { node { id } } } }", {"n": "many"}, 1 + 20 * 3),
        ("query ($n: Int = 9) { rows(first: $n) { edges { node { id } } } }", {}, 1 + 9 * 3),
        ("query ($n: Int = 9) { rows(first: $n) { edges { node { id } } } }", {"n": None}, 1 + 20 * 3),
        ("{ rows(first: 4) { edges { node { rows(first: 5) { edges { node { id } } } } } } }", {}, 1 + 4 * (3 + 5 * 3)),
        ("{ row { friends { friends { id } } } }", {}, 2 + 5 * (1 + 5)),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 4),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 60}, 61),
        ("{ nodes(ids: " + "9" * 5000 + ") { id } }", {}, 2),
        (
            "query ($n: Int) { rows(first: $n) { ...A } } fragment A on Rows { edges { node { ...B ...B } } }"
            " fragment B on Row { friends { id } }",
            {"n": 2},
            1 + 2 * (2 + 2 * (1 + 5)),
        ),
        ("{ row { ... on Node { id } ... { name } } __schema { types { name } } }", {}, 4),
    ],
)
def test_pages_and_lists_count_as_often_as_they_have_rows(query: str, variables: Mapping[str, Any], cost: int) -> None:
    prepared = documents(UNLIMITED, introspection=True).prepare(query)
    assert prepared.costs[None].of(variables) == cost


def test_a_cost_that_variables_make_is_counted_for_every_request_and_each_operation() -> None:
    prepared = documents(UNLIMITED).prepare(
        "query A($n: Int = 2) { ...F } query B($n: Int = 3) { ...F }"
        " fragment F on Query { rows(first: $n) { edges { node { id } } } }"
    )
    assert [prepared.costs[name].of({}) for name in ("A", "B")] == [7, 10]
    assert [prepared.costs["A"].of({"n": n}) for n in (100, 1, 100)] == [301, 4, 301]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_counting_fragments_once_gives_what_writing_them_out_gives(sizes: list[int]) -> None:
    def text(left: list[int]) -> str:
        """A page of pages; the second time each is spread."""
        if not left:
            return "id"
        return f"rows(first: {left[0]}) {{ edges {{ node {{ {text(left[1:])} }} }} }}"

    links = "".join(
        f" fragment F{i} on Row {{ rows(first: $s{i}) {{ edges {{ node {{ ...F{i + 1} }} }} }} }}"
        for i in range(len(sizes))
    )
    declared = ", ".join(f"$s{i}: Int" for i in range(len(sizes)))
    spread = f"query ({declared}) {{ row {{ ...F0 }} }} {links} fragment F{len(sizes)} on Row {{ id }}"
    variables = {f"s{i}": size for i, size in enumerate(sizes)}
    by = documents(UNLIMITED)
    written_out = by.prepare(f"{{ row {{ {text(sizes)} }} }}").costs[None].of({})
    assert by.prepare(spread).costs[None].of(variables) == written_out


def test_only_what_may_be_executed_is_remembered() -> None:
    by = documents()
    for query in ("{ row { id } }", "{ nothing }", "{ row { id id id id } }", "{ row { id } }"):
        refusal(query, by)
    assert by.remembered == 1
    assert by.prepare("{ row { id } }") is by.prepare("{ row { id } }")


def test_a_flood_of_documents_that_come_once_drives_out_none_that_came_again() -> None:
    by = documents()
    kept = [by.prepare("{ row { id } }") for _ in range(2)][-1]
    for index in range(300):
        by.prepare(f"{{ a{index}: row {{ id }} }}")
    assert by.remembered < 300
    assert by.prepare("{ row { id } }") is kept


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=60), st.integers(0, 60))
def test_a_cache_keeps_what_was_used_last_and_never_more_than_it_may(puts: list[tuple[int, int]], most: int) -> None:
    cache: Cache[int, int] = Cache(1_000, most)
    used: list[tuple[int, int]] = []
    for key, size in puts:
        known = cache.get(key)
        if known is None:
            cache.put(key, size, size)
        kept = size if known is None else known
        used = [each for each in used if each[0] != key] + [(key, kept)] * (kept <= most)
        while sum(each for _, each in used) > most:
            used.pop(0)
        assert cache.size == sum(each for _, each in used)
        assert len(cache) == len(used)
    assert [cache.get(name) for name, _ in used] == [size for _, size in used]


def test_nothing_that_is_sent_drives_out_what_is_trusted() -> None:
    by = documents()
    by.trust("{ row { id } }")
    for index in range(300):
        by.prepare(f"{{ row {{ a{index}: id }} }}")
    assert by.trusted(digest("{ row { id } }"))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("mutation { change { id } other { id } }", "one mutation field"),
        ("mutation { a: change { id } b: change { id } }", "one mutation field"),
        ("mutation { ...A ... { change { id } } } fragment A on Mutation { other { id } }", "one mutation field"),
        ("{ __schema { types { name } } }", "Introspection is switched off"),
        ('{ row { ...A } } fragment A on Row { x: id __type(name: "Row") { name } }', "Introspection is switched off"),
        ("{ ...Unknown }", "Unknown fragment"),
        ("fragment A on Row { id } fragment A on Row { id } { row { ...A } }", "only one fragment named 'A'"),
    ],
)
def test_what_else_is_refused(query: str, message: str) -> None:
    assert message in str(refusal(query))


def test_errors_are_few_and_hint_only_where_introspection_is_on() -> None:
    with pytest.raises(Refused) as refused:
        documents(UNLIMITED).prepare("{ rows2 a b c d e f g h i }")
    assert len(refused.value.errors) == 6
    assert "Too many validation errors" in refused.value.errors[-1].message
    assert "Did you mean" not in str(refusal("{ rows2 }", documents(UNLIMITED)))
    assert "Did you mean" in str(refusal("{ rows2 }", documents(UNLIMITED, introspection=True)))


def test_every_example_of_graphiql_leaves_room(app: Starlette) -> None:
    limits = DocumentLimits()
    prepare = app.state.graphql._schema.documents.prepare
    for path, text in TEXTS.items():
        assert max(cost.of({}) for cost in prepare(text).costs.values()) * 2 < limits.cost, path.stem


async def test_refusals_are_400_with_a_code_and_the_cost_is_shown(cabinet: Cabinet) -> None:
    response = await cabinet.post("{ " + " ".join(f"a{i}: operator {{ id }}" for i in range(31)) + " }")
    [error] = response.json()["errors"]
    assert response.status_code == 400
    assert error["extensions"] == {"code": TOO_COMPLEX, "limit": "aliases", "atMost": 30}

    query = "query ($n: Int) { tariffs(first: $n) { edges { node { id } } } }"
    assert (await cabinet.ask(query, n=7))["extensions"]["cost"] == {"total": 1 + 7 * 3, "atMost": 20_000}


async def test_one_of_several_operations_has_to_be_named(cabinet: Cabinet) -> None:
    body = {"query": "query A { operator { id } } query B { __typename }"}
    for name, status in ((None, 400), ("B", 200), ("C", 400)):
        response = await cabinet.http.post(
            "/graphql", json={**body, "operationName": name}, headers={"accept": "application/graphql-response+json"}
        )
        assert response.status_code == status
        assert ("data" in response.json()) is (status == 200)


async def test_a_document_is_refused_for_some_variables_and_answered_for_others(
    cabinet: Cabinet, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query Costly($n: Int) { tariffs(first: $n) { edges { node { id code } } } }"
    monkeypatch.setattr(app.state.graphql._schema.documents, "limits", DocumentLimits(cost=200))
    for size, status in ((3, 200), (100, 400), (3, 200), (100, 400)):
        response = await cabinet.post(query, {"n": size})
        assert response.status_code == status
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": TOO_COMPLEX, "limit": "cost", "atMost": 200}
    assert "401" in error["message"]
