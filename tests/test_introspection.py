"""Introspection where it is on: what GraphiQL asks is answered, and what would hold a worker up is not."""

import threading
from typing import Any

import pytest
from graphql import (
    OperationDefinitionNode,
    execute_sync,
    get_introspection_query,
    get_named_type,
    introspection_types,
    is_composite_type,
    parse,
    validate,
)
from starlette.applications import Starlette

from domain.document_limits import DocumentLimits
from schema import introspection, introspection_cost
from schema.document_limits import TOO_COMPLEX
from schema.documents import Documents, Refused
from schema.introspection_cost import Introspection, TooMuch
from schema.schema import build_schema
from server.settings import Settings
from tests.cabinet import Cabinet
from tests.edge import serving
from tests.sockets import opened

GRAPHIQL = get_introspection_query(
    specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
)
EACH_WITH_EACH = "interfaces { possibleTypes { name kind description } }"
INSIDE = "fields { name args { name } } inputFields { name } possibleTypes { name kind }"
FIELDS_OF_FIELDS = f"fields {{ type {{ {INSIDE} ofType {{ {INSIDE} ofType {{ {INSIDE} }} }} }} }}"
BY_NAME = (
    "__type(name: $name) { possibleTypes { fields { name description type { name kind ofType { name kind } } } } }"
)


@pytest.fixture(scope="module")
def schema() -> Any:
    return build_schema(introspection=True)._schema


def about_types(times: int, inside: str) -> str:
    return "{ " + " ".join(f"a{i}: __schema {{ types {{ {inside} }} }}" for i in range(times)) + " }"


def values(answer: Any) -> int:
    """How many values are in an answer."""
    if isinstance(answer, dict):
        return sum(1 + values(each) for each in answer.values())
    return sum(map(values, answer)) if isinstance(answer, list) else 0


def asked(schema: Any, query: str, most: int = 10**9) -> int:
    document = parse(query)
    assert validate(schema, document) == []
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return Introspection(schema, document).cost(operation, most)


@pytest.mark.parametrize(
    "query",
    [
        GRAPHIQL,
        about_types(2, EACH_WITH_EACH),
        about_types(1, FIELDS_OF_FIELDS),
        "{ __schema { directives { args { type { ...Type } } locations } } }"
        " fragment Type on __Type { name ofType { kind } }",
        "{ ...A } fragment A on Query { __schema { queryType { ...B ... on __Type { fields { name } } } } }"
        " fragment B on __Type { a: fields { name args { name type { ofType { name } } } } }",
        '{ __type(name: "UserError") { possibleTypes { fields { name type { name } } interfaces { name } } } }',
        '{ __type(name: "SignInStatus") { enumValues { name } } other: __type(name: "Nothing") { name } }',
        '{ __type(name: "SignInWithPasswordInput") { inputFields { name type { ofType { name } } } } }',
    ],
)
def test_what_is_asked_is_counted_to_the_last_value(schema: Any, query: str) -> None:
    result = execute_sync(schema, parse(query))
    assert result.errors is None
    assert asked(schema, query) == values(result.data)


def test_a_name_in_a_variable_may_be_that_of_the_largest_type(schema: Any) -> None:
    query = "query ($name: String!) { __type(name: $name) { fields { name } } }"
    assert asked(schema, query) == 2 + max(len(getattr(each, "fields", ())) for each in schema.type_map.values())


def test_every_field_of_introspection_that_leads_on_is_known() -> None:
    leading = {
        name
        for kind in introspection_types.values()
        for name, field in getattr(kind, "fields", {}).items()
        if is_composite_type(get_named_type(field.type))
    }
    assert leading == set(introspection_cost._BELOW)


@pytest.mark.parametrize(
    "query",
    [
        about_types(30, EACH_WITH_EACH),
        about_types(3, EACH_WITH_EACH),
        about_types(9, FIELDS_OF_FIELDS),
        "{ __schema { " + " ".join(f"a{i}: types {{ {EACH_WITH_EACH} }}" for i in range(5)) + " } }",
        "{ __schema { types { ...A } } } fragment A on __Type { " + " ".join(["...B"] * 5) + " }"
        " fragment B on __Type { interfaces { " + " ".join(f"p{i}: possibleTypes {{ ...C }}" for i in range(8)) + " } }"
        " fragment C on __Type { name kind description }",
        "query ($name: String!) { " + " ".join(f"a{i}: {BY_NAME}" for i in range(28)) + " }",
        # As much as one may ask, in each of many operations.
        " ".join(f"query Q{i} {about_types(1, EACH_WITH_EACH)}" for i in range(3)),
        # Beside something else less may be asked.
        "{ operator { id } " + about_types(1, EACH_WITH_EACH)[1:],
    ],
)
def test_what_would_hold_up_a_worker_is_refused(schema: Any, query: str) -> None:
    with pytest.raises(Refused) as refused:
        Documents(schema, DocumentLimits(), introspection=True).prepare(query)
    [error] = refused.value.errors
    assert error.extensions == {"code": TOO_COMPLEX, "limit": "introspection", "atMost": 50_000}


def test_counting_takes_no_longer_than_what_may_be_asked(schema: Any) -> None:
    document = parse(about_types(9, FIELDS_OF_FIELDS))
    counting = Introspection(schema, document)
    with pytest.raises(TooMuch):
        counting.cost(document.definitions[0], 500)  # type: ignore[arg-type]
    assert counting._looked <= 501


def test_graphiql_leaves_room_for_a_larger_schema(schema: Any) -> None:
    assert asked(schema, GRAPHIQL) < 0.7 * DocumentLimits().introspection


async def test_it_is_answered_beside_the_event_loop(cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    answering = []

    def noted(*arguments: Any, **named: Any) -> Any:
        answering.append(threading.current_thread())
        return execute_sync(*arguments, **named)

    monkeypatch.setattr(introspection, "execute_sync", noted)
    told = await cabinet.data(GRAPHIQL)
    assert len(told["__schema"]["types"]) > 300
    by_name = "query Named($name: String!) { __type(name: $name) { name } __typename }"
    assert await cabinet.data(by_name, name="Viewer") == {"__type": {"name": "Viewer"}, "__typename": "Query"}
    wrong = await cabinet.post(by_name, {"name": [1]})
    assert wrong.status_code == 400
    assert "String cannot represent" in wrong.json()["errors"][0]["message"]
    assert threading.main_thread() not in answering
    assert len(answering) == 3
    # Something that is no question about the schema, in part or in whole, is answered where it always was.
    assert (await cabinet.data("{ __schema { queryType { name } } operator { id } }"))["operator"]["id"]
    assert await cabinet.data("{ __typename }") == {"__typename": "Query"}
    assert len(answering) == 3


async def test_it_is_answered_over_sockets_too(app: Starlette, settings: Settings) -> None:
    async with serving(app, settings) as port, opened(port.address) as socket:
        await socket.init()
        asked_again = [await socket.answer(name, "{ __schema { queryType { name } } }") for name in "abc"]
    assert asked_again == [{"__schema": {"queryType": {"name": "Query"}}}] * 3
