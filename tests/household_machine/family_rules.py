"""What becomes of households, their members, invitations and transfers (SPEC 4.4 MEMBERS, 4.5).

Each function answers the code that the caller gets, and has done it where that is OK.
"""

from tests.household_machine.records import (
    DISSOLVING,
    MAJORITY,
    MOST_MEMBERS,
    OK,
    Actor,
    House,
    Invitation,
    Member,
)
from tests.household_machine.state import State


def create(state: State, actor: Actor) -> str:
    if not actor.is_full or actor.person.msisdn is None:
        return "FORBIDDEN"
    is_minor = actor.person.age is not None and actor.person.age < MAJORITY
    return "MINOR_NOT_ALLOWED" if is_minor or state.is_child(actor.id) else OK


def update(actor: Actor, house: House, name: str | None, adults_invite: bool | None) -> str:
    if (refused := owned(actor, house)) != OK:
        return refused
    house.name = name or house.name
    house.adults_invite = house.adults_invite if adults_invite is None else adults_invite
    return OK


def dissolve(state: State, actor: Actor, house: House) -> str:
    if (refused := owned(actor, house)) != OK:
        return refused
    if len(house.members) > 1 and (house.dissolves_at is None or state.now < house.dissolves_at):
        if house.dissolves_at is None:
            house.dissolves_at = state.now + DISSOLVING
            _withdraw(state, house)
        return "HOUSEHOLD_NOT_EMPTY"
    _end(state, house)
    return OK


def leave(state: State, actor: Actor, house: House) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    match house.role(actor.id):
        case None:
            return "NOT_FOUND"
        case "OWNER" if len(house.members) > 1:
            return "LAST_OWNER"
        case "OWNER":
            _end(state, house)
        case "CHILD":
            return "FORBIDDEN"
        case _:
            gone(state, house, house.members[actor.id])
    return OK


def remove(state: State, actor: Actor, member_id: int) -> str:
    found, refused = _member(state, actor, member_id)
    if found is None:
        return refused
    house, member = found
    if member.user == actor.id:
        return "LAST_OWNER"
    gone(state, house, member)
    return OK


def change_role(state: State, actor: Actor, member_id: int, role: str) -> str:
    found, refused = _member(state, actor, member_id)
    if found is None:
        return refused
    _, member = found
    if "OWNER" in (member.role, role) or (role == "CHILD" and member.role != "CHILD"):
        return "FORBIDDEN"
    if member.role == "CHILD" and role != "CHILD":
        return "MINOR_NOT_ALLOWED"
    member.role = role
    if role != "ADULT":
        member.is_successor = False
        for transfer in state.open_transfers:
            if transfer.new == member.id:
                transfer.status = "CANCELLED"
    return OK


def invite(state: State, actor: Actor, house: House, target: str, role: str, age: int | None) -> str:
    mine = house.role(actor.id)
    if not actor.is_full or role == "OWNER":
        return "FORBIDDEN"
    if role == "CHILD" and (age is None or age >= MAJORITY):
        return "INVALID_INPUT"
    if mine is None:
        return "NOT_FOUND"
    if house.is_absent:
        return "OWNER_ABSENT"
    if not _invites(house, actor.id, role) or (house.dissolves_at is not None and mine != "OWNER"):
        return "FORBIDDEN"
    for each in _pending(state, house):
        if each.target == target or each.expires_at <= state.now:
            each.status = "CANCELLED"
    if len(house.members) + len(_pending(state, house)) >= MOST_MEMBERS:
        return "LIMIT_EXCEEDED"
    house.dissolves_at = None
    return OK


def accept(state: State, actor: Actor, invitation: Invitation) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    house, born = invitation.house, invitation.age if actor.person.age is None else actor.person.age
    if not _is_theirs(state, actor, invitation) or house.is_dissolved:
        return "INVITATION_EXPIRED"
    if actor.id in house.members:
        return "ALREADY_IN_HOUSEHOLD"
    if house.is_absent:
        return "OWNER_ABSENT"
    if not _invites(house, invitation.by, invitation.role):
        return "INVITATION_EXPIRED"
    if len(house.members) >= MOST_MEMBERS:
        return "LIMIT_EXCEEDED"
    is_minor = born is not None and born < MAJORITY
    if invitation.role == "ADULT" and is_minor:
        return "MINOR_NOT_ALLOWED"
    if invitation.role == "CHILD" and (not is_minor or _is_claimed(state, actor.id, house)):
        return "FORBIDDEN"
    return OK


def joined(state: State, actor: Actor, invitation: Invitation, member_id: int) -> None:
    """Somebody has accepted, and this is their place."""
    age = (invitation.age if actor.person.age is None else actor.person.age) if invitation.role == "CHILD" else None
    member = Member(member_id, actor.id, invitation.role, age, next(state.joined))
    invitation.house.members[actor.id] = member
    invitation.status = "ACCEPTED"


def decline(state: State, actor: Actor, invitation: Invitation) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    if not _is_theirs(state, actor, invitation):
        return "INVITATION_EXPIRED"
    invitation.status = "DECLINED"
    return OK


def cancel_invitation(state: State, actor: Actor, invitation: Invitation) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    role = invitation.house.role(actor.id)
    if role is None or (role != "OWNER" and invitation.by != actor.id):
        return "NOT_FOUND"
    if _is_open(state, invitation):
        invitation.status = "CANCELLED"
    return OK


def gone(state: State, house: House, member: Member) -> None:
    """Somebody's place ends: own lines go with them, and what was laid down for a child falls (4.5)."""
    del house.members[member.user]
    for link in state.links.values():
        if link.house is house and link.goes_on and link.line.user == member.user:
            link.status = "REVOKED"
    for approval in state.approvals.values():
        if approval.house is house and approval.status == "PENDING" and approval.child == member.user:
            approval.status = "CANCELLED"
    for transfer in state.open_transfers:
        if transfer.house is house and member.id in (transfer.old, transfer.new):
            transfer.status = "CANCELLED"
    if member.role == "CHILD":
        _policies_fall(state, member.user)


def _end(state: State, house: House) -> None:
    for member in list(house.members.values()):
        gone(state, house, member)
    house.is_dissolved, house.dissolves_at = True, None
    for link in state.links.values():
        if link.house is house and link.goes_on:
            link.status = "REVOKED"
    _withdraw(state, house)


def _policies_fall(state: State, user: int) -> None:
    for limit in [each for each in state.limits.values() if each.line.user == user and each.set_by != user]:
        del state.limits[limit.id]
    for line in state.lines.values():
        if line.user == user:
            state.policies.pop(line.id, None)


def owned(actor: Actor, house: House) -> str:
    role = house.role(actor.id)
    if actor.is_full and role is None:
        return "NOT_FOUND"
    return OK if actor.is_full and role == "OWNER" else "FORBIDDEN"


def _member(state: State, actor: Actor, member_id: int) -> tuple[tuple[House, Member] | None, str]:
    found = state.house_of_member(member_id)
    if not actor.is_full:
        return None, "FORBIDDEN"
    if found is None or actor.id not in found[0].members:
        return None, "NOT_FOUND"
    if found[0].role(actor.id) != "OWNER":
        return None, "FORBIDDEN"
    return (None, "OWNER_ABSENT") if found[0].is_absent else (found, OK)


def _invites(house: House, user: int, role: str) -> bool:
    mine = house.role(user)
    return mine == "OWNER" or (mine == "ADULT" and house.adults_invite and role == "VIEWER")


def _pending(state: State, house: House) -> list[Invitation]:
    return [each for each in state.invitations.values() if each.house is house and each.status == "PENDING"]


def _withdraw(state: State, house: House) -> None:
    for each in _pending(state, house):
        each.status = "CANCELLED"


def _is_open(state: State, invitation: Invitation) -> bool:
    return invitation.status == "PENDING" and invitation.expires_at > state.now


def _is_theirs(state: State, actor: Actor, invitation: Invitation) -> bool:
    return _is_open(state, invitation) and invitation.target == actor.person.msisdn


def _is_claimed(state: State, user: int, house: House) -> bool:
    """Whether a child is another household's already, or somebody there signed the contract of its line (E39)."""
    signed = {line.holder for line in state.lines.values() if line.user == user and line.holder not in (None, user)}
    elsewhere = any(state.houses_of(holder) and holder not in house.members for holder in signed)
    return elsewhere or any(each.role(user) == "CHILD" for each in state.houses_of(user))
