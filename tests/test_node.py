"""`node` and `nodes`: what is not there, not yours or not an id is answered alike (DESIGN 4)."""

import base64
from typing import Any

import asyncpg
import pytest

from resolvers.node_id import decode, encode
from tests.cabinet import Cabinet

NODE = """
query Node($id: ID!) {
  node(id: $id) {
    __typename id
    ... on Line { msisdn } ... on PersonalAccount { number } ... on Tariff { name } ... on Operator { name }
  }
}
"""

EVERYTHING = """
{
  operator { id }
  tariffs(first: 1) { edges { node { id } } }
  services(first: 1) { edges { node { id } } }
  viewer {
    id user { id } household { id members { id } }
    linkedNumbers { edges { node { id connectedServices { edges { node { id } } } } } }
    personalAccounts { edges { node { id contract { id } } } }
  }
}
"""


def ids(value: Any) -> list[str]:
    """Every `id` in an answer."""
    if isinstance(value, dict):
        own = [value["id"]] if "id" in value else []
        return own + [found for part in value.values() for found in ids(part)]
    return [found for part in value for found in ids(part)] if isinstance(value, list) else []


@pytest.mark.parametrize("operator", ["beeline", "letai"])
async def test_every_id_that_is_shown_can_be_asked_for_again(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str
) -> None:
    owner = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    shown = ids(await owner.data(EVERYTHING))
    assert {decode(global_id).type_name for global_id in shown} >= {  # type: ignore[union-attr]
        "Operator", "Tariff", "Service", "Viewer", "User", "Household", "HouseholdMember", "Line",
        "ServiceSubscription", "PersonalAccount", "Contract",
    }  # fmt: skip
    for global_id in shown:
        node = (await owner.data(NODE, id=global_id))["node"]
        assert node is not None, decode(global_id)
        assert (node["id"], node["__typename"]) == (global_id, decode(global_id).type_name)  # type: ignore[union-attr]


async def test_private_ids_are_null_for_strangers_and_for_nobody(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    stranger = await cabinet.signed_in("beeline", demo_people["beeline"]["strangers"][0])
    foreigner = await cabinet.signed_in("tele2", demo_people["tele2"]["owner"])
    private = set(ids((await owner.data(EVERYTHING))["viewer"]))
    assert len(private) > 10
    for caller in (stranger, foreigner, cabinet.of("beeline")):
        answers = await caller.data("query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=sorted(private))
        assert answers["nodes"] == [None] * len(private)


async def test_other_operators_catalogue_is_not_there(cabinet: Cabinet) -> None:
    [tariff] = (await cabinet.of("letai").data("{ tariffs(first: 1) { edges { node { id } } } }"))["tariffs"]["edges"]
    global_id = tariff["node"]["id"]
    assert (await cabinet.of("letai").data(NODE, id=global_id))["node"]["__typename"] == "Tariff"
    assert (await cabinet.of("beeline").data(NODE, id=global_id))["node"] is None


@pytest.mark.parametrize(
    "global_id",
    [
        "",
        "nonsense",
        "🏠",
        "x" * 10_000,
        encode("Line", 10**12),
        encode("Line", 10**30),
        encode("Line", -1),
        encode("Line", "0001"),
        encode("Line", "1 or 1=1"),
        encode("Line", "١"),
        encode("Nothing", 1),
        encode("Operator", "beeline2"),
        encode("Line", 1) + "=",
        base64.b64encode(b"Line:1").decode() + "==",
        base64.urlsafe_b64encode(b"\xff\xfe:1").decode(),
    ],
)
async def test_malformed_and_unknown_ids_are_null(
    cabinet: Cabinet, demo_people: dict[str, Any], global_id: str
) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    assert await owner.ask(NODE, id=global_id) | {"extensions": None} == {"data": {"node": None}, "extensions": None}


async def test_nodes_keeps_order_and_repeats_in_one_statement(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    lines = [
        edge["node"]["id"]
        for edge in (await owner.data("{ viewer { linkedNumbers { edges { node { id } } } } }"))["viewer"][
            "linkedNumbers"
        ]["edges"]
    ]
    wanted = [*reversed(lines), "nonsense", lines[0], lines[0]]
    answer = await owner.ask("query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=wanted)
    assert [node and node["id"] for node in answer["data"]["nodes"]] == [*reversed(lines), None, lines[0], lines[0]]
    assert answer["extensions"]["hearth"]["batches"] == {"line_by_id": [len(lines)]}


async def test_nodes_takes_at_most_a_hundred(cabinet: Cabinet) -> None:
    [error] = (await cabinet.ask("query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101))["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert "100" in error["message"]
