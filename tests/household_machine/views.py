"""What somebody sees in the cabinet, and what the model says they should (I8, SPEC 4.4)."""

from typing import Any

from resolvers.node_id import decode, encode
from tests.household_machine.care_rules import opens
from tests.household_machine.records import Actor, House, Link, Request
from tests.household_machine.rights import answers, holds, rights
from tests.household_machine.state import State
from tests.household_machine.world import World

Seen = dict[str, Any]

_LINES = "linkedNumbers(first: 100) { edges { node { id isOwn status myScopes balance { available { amount } } } } }"
_LOOK = f"""
{{ viewer {{
  {_LINES}
  households {{
    id name myRole ownerAbsent adultsMayInviteViewers members {{ id role }} successor {{ id }}
    invitations {{ id }} links {{ id status scopes }} pendingTransfer {{ id }}
  }}
  linksToMyNumbers {{ id }} invitations {{ id }} guestGrants {{ id }}
  linkRequests(direction: INCOMING, first: 100) {{ edges {{ node {{ id status }} }} }}
  approvalRequests(first: 100) {{ edges {{ node {{ id status }} }} }}
}} }}
"""
_FEW = f"{{ viewer {{ {_LINES} }} }}"
_NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


def seen(world: World, actor: Actor) -> Seen:
    """What a session is shown."""
    told = world.ask((actor.id, actor.way), _LOOK if actor.is_full else _FEW)["viewer"]
    found: Seen = {"lines": {_key(each): _line(each) for each in _nodes(told["linkedNumbers"])}}
    if not actor.is_full:
        return found
    return found | {
        "households": {_key(each): _household(each) for each in told["households"]},
        "links to my numbers": {_key(each) for each in told["linksToMyNumbers"]},
        "invitations": {_key(each) for each in told["invitations"]},
        "guests": {_key(each) for each in told["guestGrants"]},
        "requests": {_key(each): each["status"] for each in _nodes(told["linkRequests"])},
        "approvals": {_key(each): each["status"] for each in _nodes(told["approvalRequests"])},
    }


def expected(state: State, actor: Actor) -> Seen:
    """What it should be shown."""
    may = {line: rights(state, actor.id, state.lines[line], full=actor.is_full) for line in state.lines}
    lines = {line: _as_shown(state, actor.id, line, scopes) for line, scopes in may.items() if scopes}
    if not actor.is_full:
        return {"lines": lines}
    me = actor.id
    return {
        "lines": lines,
        "households": {house.id: _as_member(state, me, house) for house in state.houses_of(me)},
        "links to my numbers": {link.id for link in state.links.values() if link.goes_on and holds(state, me, link)},
        "invitations": {
            each.id
            for each in state.invitations.values()
            if each.status == "PENDING" and each.expires_at > state.now and each.target == actor.person.msisdn
        },
        "guests": {each.id for each in state.guests.values() if opens(state, each) and me in (each.by, each.line.user)},
        "requests": {each.id: _status(state, each) for each in state.requests.values() if _is_to(state, me, each)},
        "approvals": {
            each.id: each.status
            for each in state.approvals.values()
            if each.child == me or each.house.role(me) == "OWNER"
        },
    }


def nodes(world: World, actor: Actor, ids: list[str]) -> list[bool]:
    """Which ids name anything for somebody; those of others are like those of nothing."""
    told = world.ask((actor.id, actor.way), _NODES, ids=ids)["nodes"]
    return [each is not None for each in told]


def named(state: State, actor: Actor) -> dict[str, bool]:
    """Global ids of lines, households, members and links, and whether they name anything for somebody."""
    me, found = actor.id, {}
    for line in state.lines.values():
        found[encode("Line", line.id)] = bool(rights(state, me, line, full=actor.is_full))
    for house in state.houses.values():
        found[encode("Household", house.id)] = me in house.members
        for member in house.members.values():
            found[encode("HouseholdMember", member.id)] = me in house.members
    for link in state.links.values():
        found[encode("NumberLink", link.id)] = concerns(state, me, link)
    found[encode("Line", 10**9)] = found[encode("NumberLink", 10**9)] = False
    return found


def concerns(state: State, user: int, link: Link) -> bool:
    """Whether somebody may know of a link: it is to their number, or their household's, where they are grown up."""
    return holds(state, user, link) or link.house.role(user) in ("OWNER", "ADULT")


def _as_shown(state: State, user: int, line_id: int, scopes: set[str]) -> Seen:
    line = state.lines[line_id]
    balance = line.balance if "VIEW" in scopes else None
    return {"own": line.user == user, "status": line.status, "scopes": scopes, "balance": balance}


def _as_member(state: State, user: int, house: House) -> Seen:
    role = house.role(user)
    mine = house.members[user].id
    open_to_me = [
        each.id
        for each in state.invitations.values()
        if each.house is house and each.status == "PENDING" and each.expires_at > state.now
        and (role == "OWNER" or each.by == user)
    ]  # fmt: skip
    links = [each for each in state.links.values() if each.house is house and each.goes_on]
    handing = [
        each.id
        for each in state.transfers.values()
        if each.house is house and each.status == "OPEN" and mine in (each.old, each.new)
        and (each.accepted or each.expires_at > state.now)
    ]  # fmt: skip
    return {
        "name": house.name,
        "role": role,
        "absent": house.is_absent,
        "adults invite": house.adults_invite,
        "members": {each.id: each.role for each in house.members.values()},
        "successor": next((each.id for each in house.members.values() if each.is_successor), None),
        "invitations": set(open_to_me),
        "links": {each.id: (each.status, each.scopes) for each in links} if role in ("OWNER", "ADULT") else {},
        "transfer": handing[0] if handing else None,
    }


def _is_to(state: State, user: int, request: Request) -> bool:
    line = request.line
    if line is None or (request.sim_epoch, request.contract_epoch) != (line.sim_epoch, line.contract_epoch):
        return False
    return answers(state, line) == user


def _status(state: State, request: Request) -> str:
    return "EXPIRED" if request.status == "PENDING" and request.expires_at <= state.now else request.status


def _line(told: Seen) -> Seen:
    balance = told["balance"]["available"]["amount"] if told["balance"] else None
    minor = None if balance is None else round(float(balance) * 100)
    return {"own": told["isOwn"], "status": told["status"], "scopes": set(told["myScopes"]), "balance": minor}


def _household(told: Seen) -> Seen:
    return {
        "name": told["name"],
        "role": told["myRole"],
        "absent": told["ownerAbsent"],
        "adults invite": told["adultsMayInviteViewers"],
        "members": {_key(each): each["role"] for each in told["members"]},
        "successor": _key(told["successor"]) if told["successor"] else None,
        "invitations": {_key(each) for each in told["invitations"]},
        "links": {_key(each): (each["status"], set(each["scopes"])) for each in told["links"]},
        "transfer": _key(told["pendingTransfer"]) if told["pendingTransfer"] else None,
    }


def _nodes(connection: Seen) -> list[Seen]:
    return [edge["node"] for edge in connection["edges"]]


def _key(told: Seen) -> int:
    named_id = decode(told["id"])
    assert named_id is not None
    return int(named_id.key)
