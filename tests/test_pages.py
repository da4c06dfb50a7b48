"""Keyset pages: sizes, cursors, and nothing lost or doubled between pages."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cabinet import Cabinet

TARIFFS = """
query Tariffs($first: Int, $after: String) {
  tariffs(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { code } }
  }
}
"""

CONNECTIONS = [
    "{ tariffs(%s) { edges { cursor } } }",
    "{ services(%s) { edges { cursor } } }",
    "{ viewer { linkedNumbers(%s) { edges { cursor } } } }",
    "{ viewer { personalAccounts(%s) { edges { cursor } } } }",
    "{ viewer { linkedNumbers { edges { node { connectedServices(%s) { edges { cursor } } } } } } }",
]


@pytest.mark.parametrize("connection", CONNECTIONS)
@pytest.mark.parametrize("first", [0, -1, 101, -(2**31), 2**31 - 1])
async def test_page_size_out_of_bounds_is_an_error_on_that_field(
    cabinet: Cabinet, demo_people: dict[str, Any], connection: str, first: int
) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    answer = await owner.ask(connection % f"first: {first}")
    error = answer["errors"][0]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert error["message"] == "`first` must be between 1 and 100"
    assert error["path"]
    assert error["locations"]


@pytest.mark.parametrize("connection", CONNECTIONS)
@pytest.mark.parametrize(
    "after",
    [
        "",
        "nonsense",
        "W10",
        "WyJ4Il0",
        "WzEsMiwzXQ",
        "WzFlNDAwXQ",
        "🏠",
        "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd",
        "WzkyMjMzNzIwMzY4NTQ3NzU4MDgsMV0",
    ],
)
async def test_damaged_cursor_is_an_error_on_that_field(
    cabinet: Cabinet, demo_people: dict[str, Any], connection: str, after: str
) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    error = (await owner.ask(connection % f'after: "{after}"'))["errors"][0]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert "cursor" in error["message"]


async def walk(visitor: Cabinet, first: int) -> list[str]:
    """The codes of all tariffs, page by page."""
    codes: list[str] = []
    after = None
    for _ in range(100):
        page = (await visitor.data(TARIFFS, first=first, after=after))["tariffs"]
        codes += [edge["node"]["code"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return codes
        assert len(page["edges"]) == first
        after = page["pageInfo"]["endCursor"]
    raise AssertionError("the pages do not end")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(1, 100))
async def test_pages_of_any_size_hold_everything_once(cabinet: Cabinet, first: int) -> None:
    visitor = cabinet.of("letai")
    whole = (await visitor.data(TARIFFS, first=100))["tariffs"]
    codes = [edge["node"]["code"] for edge in whole["edges"]]
    assert await walk(visitor, first) == codes
    assert whole["totalCount"] == len(codes) == len(set(codes))


async def test_page_after_the_last_one_is_empty(cabinet: Cabinet) -> None:
    whole = (await cabinet.of("letai").data(TARIFFS, first=100))["tariffs"]
    page = (await cabinet.of("letai").data(TARIFFS, after=whole["pageInfo"]["endCursor"]))["tariffs"]
    assert page["edges"] == []
    assert page["pageInfo"] == {
        "hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None,
    }  # fmt: skip


async def test_f102_and_f111_catalogue_filters(cabinet: Cabinet) -> None:
    visitor = cabinet.of("letai")
    tariffs = (await visitor.data("{ tariffs(filter: {kind: TV}) { edges { node { kind fee { amount } } } } }"))[
        "tariffs"
    ]
    assert {edge["node"]["kind"] for edge in tariffs["edges"]} == {"TV"}
    assert "119.00" in {edge["node"]["fee"]["amount"] for edge in tariffs["edges"]}

    services = """
query ($filter: ServiceFilter) {
  services(first: 100, filter: $filter) { totalCount edges { node { name fee { amount } } } }
}
"""
    everything = (await visitor.data(services))["services"]
    free = (await visitor.data(services, filter={"freeOnly": True}))["services"]
    paid = (await visitor.data(services, filter={"paidOnly": True}))["services"]
    assert free["totalCount"] + paid["totalCount"] == everything["totalCount"]
    assert all(edge["node"]["fee"]["amount"] == "0.00" for edge in free["edges"])
    name = everything["edges"][0]["node"]["name"]
    found = (await visitor.data(services, filter={"search": name.upper()}))["services"]
    assert name in {edge["node"]["name"] for edge in found["edges"]}
    nothing = (await visitor.data(services, filter={"search": "%_\\"}))["services"]
    assert nothing["totalCount"] == 0
    [error] = (await visitor.ask(services, filter={"search": "x" * 101}))["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"
