"""Which household a number may be linked to: one whose owner decides, and a child's number to its own family."""

from typing import Any

from tests.linking import ANN, APPROVE, CID, EVE, GRANNY, Village

ABSENT = "update household set owner_absent_since = now() where ref = 'smiths'"
PRESENT = "update household set owner_absent_since = null"


def code_of(payload: dict[str, Any]) -> str:
    [error] = payload["userErrors"]
    return str(error["code"])


async def test_e28_nothing_is_linked_while_nobody_decides(village: Village) -> None:
    ann, granny = await village.of(ANN), await village.of(GRANNY)
    by_code = await village.asked(ann, GRANNY)
    await village.run(ABSENT)
    assert code_of(await village.confirm(ann, by_code)) == "OWNER_ABSENT"
    error = await village.refused(ann, GRANNY)
    assert (error["code"], error["field"]) == ("OWNER_ABSENT", ["householdId"])
    await village.run(PRESENT)
    await village.later(61)
    in_cabinet = await village.asked(ann, GRANNY)
    await village.run(ABSENT)
    approved = await granny.data(APPROVE, id=in_cabinet["id"], scopes=["VIEW"])
    assert code_of(approved["approveLinkRequest"]) == "OWNER_ABSENT"
    assert await village.value("select count(*) from number_link") == 0
    await village.run(PRESENT)
    await village.later(61)
    assert (await village.linked(ann, GRANNY))["status"] == "ACTIVE"


async def test_e39_a_childs_number_is_linked_by_its_own_family_first(village: Village) -> None:
    """Though nobody has linked it yet, another parent may look and pay, and no more."""
    ann, eve = await village.of(ANN), await village.of(EVE)
    assert code_of(await village.confirm(eve, await village.asked(eve, CID))) == "FORBIDDEN"
    assert await village.value("select count(*) from number_link") == 0
    await village.later(61)
    assert (await village.linked(eve, CID, kind="SECONDARY"))["kind"] == "SECONDARY"
    await village.later(61)
    assert (await village.linked(ann, CID))["kind"] == "PRIMARY"


async def test_e39_whoever_signed_a_childs_contract_may_link_it(village: Village) -> None:
    """The child lives with the other parent."""
    eve = await village.of(EVE)
    await village.run(
        "update contract set holder_id = (select id from person where ref = 'eve') where id = (select a.contract_id "
        "from personal_account a join line l on l.account_id = a.id where l.id = $1)",
        await village.line(CID),
    )
    assert (await village.linked(eve, CID))["kind"] == "PRIMARY"
