"""What tests of households say to the API, and what they find behind it."""

from typing import Any

from resolvers.node_id import encode
from tests.cabinet import Cabinet
from tests.till import Till

HOUSEHOLD = """
id name myRole ownerAbsent adultsMayInviteViewers dissolvesAt
owner { id displayName } successor { id displayName }
members { id displayName role birthDate becomesAdultOn scopes lines { id msisdn } }
invitations { id role targetMasked status }
pendingTransfer { id acceptedAt effectiveAt challengeId from { displayName } to { displayName } }
"""
ERRORS = "userErrors { __typename code message field }"
MUTATION = "mutation ($input: {kind}!) {{ {name}(input: $input) {{ {fields} {errors} }} }}"
HOUSEHOLDS = f"{{ viewer {{ households {{ {HOUSEHOLD} }} }} }}"
FIELDS = {
    "inviteMember": "invitation { id role targetMasked status expiresAt }",
    "leaveHousehold": "",
    "dissolveHousehold": "",
    "declineInvitation": "",
    "cancelInvitation": "",
    **dict.fromkeys(
        (
            "requestOwnershipTransfer",
            "requestOwnershipTransferCode",
            "acceptOwnershipTransfer",
            "cancelOwnershipTransfer",
        ),
        "transfer { id acceptedAt effectiveAt challengeId } challenge { id attemptsLeft }",
    ),
}
OWNERS = "select count(*) from membership where household_id = $1 and role = 'OWNER' and status = 'ACTIVE'"


async def do(cabinet: Cabinet, name: str, /, **given: Any) -> dict[str, Any]:
    """The payload of a mutation."""
    fields = FIELDS.get(name, f"household {{ {HOUSEHOLD} }}")
    kind = name[0].upper() + name[1:] + "Input"
    query = MUTATION.format(kind=kind, name=name, fields=fields, errors=ERRORS)
    payload: dict[str, Any] = (await cabinet.data(query, input=given))[name]
    return payload


async def done(cabinet: Cabinet, name: str, /, **given: Any) -> dict[str, Any]:
    """The payload of a mutation that is not refused."""
    payload = await do(cabinet, name, **given)
    assert payload["userErrors"] == [], payload
    return payload


async def refused(cabinet: Cabinet, name: str, /, **given: Any) -> str:
    """Why a mutation is refused, and that it is for one reason."""
    [error] = (await do(cabinet, name, **given))["userErrors"]
    code: str = error["code"]
    return code


async def households(cabinet: Cabinet) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await cabinet.data(HOUSEHOLDS))["viewer"]["households"]
    return found


async def smiths(till: Till) -> str:
    """The global id of the family's household."""
    return encode("Household", await till.value("select id from household where ref = 'smiths'"))


async def member(till: Till, name: str) -> str:
    """The global id of somebody's place among the Smiths."""
    sql = """
select m.id from membership m join household h on h.id = m.household_id and h.ref = 'smiths'
join app_user u on u.id = m.user_id join person p on p.id = u.person_id where p.ref = $1
"""
    return encode("HouseholdMember", await till.value(sql, name))


async def proven(till: Till, index: int) -> Cabinet:
    """The cabinet of who uses the index-th number, with a fresh proof."""
    cabinet = await till.of(index)
    await till.rows("update session set stepped_up_at = now()")
    return cabinet


async def link(till: Till) -> str:
    """The token in the newest invitation."""
    sql = """
select coalesce(body->>'link', body->>'text') from outbox
where body::text like '%/invitation?token=%' order by id desc limit 1
"""
    token: str = (await till.value(sql)).rpartition("token=")[2]
    return token
