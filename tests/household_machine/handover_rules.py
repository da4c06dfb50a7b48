"""What becomes of households that change hands: transfers, successors, claims (SPEC 4.5, E28–E30)."""

from tests.household_machine.family_rules import owned
from tests.household_machine.records import ASKING, HANDING_OVER, MOST_TRIES, OK, Actor, Code, House, Member, Transfer
from tests.household_machine.state import State


def nominate(state: State, actor: Actor, house: House, member_id: int | None) -> str:
    if (refused := owned(actor, house)) != OK:
        return refused
    heir = None if member_id is None else house.member(member_id)
    if member_id is not None and heir is None:
        return "NOT_FOUND"
    if heir is not None and (refused := _cannot_own(state, heir)) != OK:
        return refused
    if heir is None or not heir.is_successor:
        # The papers that an office has seen are those of who was the successor.
        house.claimed = house.confirmed = False
    for each in house.members.values():
        each.is_successor = each is heir
    return OK


def claim(state: State, actor: Actor, house: House) -> str:
    heir = house.members.get(actor.id)
    if not actor.is_full:
        return "FORBIDDEN"
    if heir is None:
        return "NOT_FOUND"
    if not heir.is_successor or not house.is_absent:
        return "FORBIDDEN"
    if (refused := _cannot_own(state, heir)) != OK:
        return refused
    if not actor.is_proven:
        return "STEP_UP_REQUIRED"
    house.claimed = True
    if not house.confirmed:
        return "OFFICE_REQUIRED"
    _crown(house, heir)
    return OK


def tell_absent(house: House, *, absent: bool) -> None:
    """What the operator says of an owner."""
    house.is_absent = absent
    if not absent:
        house.claimed = house.confirmed = False


def confirm_claim(house: House) -> bool:
    """Whether there was a claim whose papers the operator could look at."""
    heir = any(each.is_successor for each in house.members.values())
    house.confirmed = house.confirmed or (heir and house.claimed and house.is_absent)
    return heir and house.claimed and house.is_absent


def request_transfer(state: State, actor: Actor, house: House, member_id: int) -> str:
    if (refused := owned(actor, house)) != OK:
        return refused
    if not actor.is_proven:
        return "STEP_UP_REQUIRED"
    if house.is_absent:
        return "OWNER_ABSENT"
    new = house.member(member_id)
    if new is None:
        return "NOT_FOUND"
    if (refused := _cannot_own(state, new)) != OK:
        return refused
    if _cools(state, house.owner, new):
        return "COOLDOWN_ACTIVE"
    before = next((each for each in state.open_transfers if each.house is house), None)
    if before is not None and (before.accepted or before.expires_at > state.now):
        return "CONFLICT"
    if before is not None:
        before.status = "CANCELLED"
    return OK


def transfer_expires(state: State) -> float:
    return state.now + HANDING_OVER


def may_have_code(state: State, actor: Actor, transfer: Transfer) -> str:
    sides = _sides(state, actor, transfer)
    if not actor.is_full:
        return "FORBIDDEN"
    return OK if sides and sides[1] and sides[1].user == actor.id and not transfer.accepted else "NOT_FOUND"


def accept_transfer(state: State, actor: Actor, transfer: Transfer, code: Code, *, right: bool) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    sides = _sides(state, actor, transfer)
    if not sides or not sides[0] or not sides[1] or sides[1].user != actor.id or transfer.accepted:
        return "NOT_FOUND"
    if (refused := _cannot_own(state, sides[1])) != OK:
        return refused
    if _cools(state, *sides):
        transfer.status = "CANCELLED"
        return "COOLDOWN_ACTIVE"
    told = OK if code.session == ("transfer", transfer.id) else "CODE_INVALID"
    if told == OK and (told := try_code(state, code, right=right)) == OK:
        transfer.accepted, transfer.effective_at = True, state.now + ASKING
    return told


def cancel_transfer(state: State, actor: Actor, transfer: Transfer) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    if not _sides(state, actor, transfer):
        return "NOT_FOUND"
    if transfer.effective_at is not None and transfer.effective_at <= state.now:
        return "CONFLICT"
    transfer.status = "CANCELLED"
    return OK


def hand_over_what_is_due(state: State) -> None:
    """What the clock does with transfers."""
    for transfer in state.open_transfers:
        at = transfer.effective_at
        if (at is None and transfer.expires_at > state.now) or (at is not None and at > state.now):
            continue
        house = transfer.house
        old, new = house.member(transfer.old), house.member(transfer.new)
        stands = old is not None and old.role == "OWNER" and new is not None and _cannot_own(state, new) == OK
        if at is None or not stands or new is None or _cools(state, old, new):
            transfer.status = "CANCELLED"
        else:
            transfer.status = "DONE"
            _crown(house, new)


def try_code(state: State, code: Code, *, right: bool) -> str:
    """What a code is answered, and that it counts."""
    if code.is_used:
        return "CODE_ALREADY_USED"
    if code.tries >= MOST_TRIES:
        return "CODE_ATTEMPTS_EXCEEDED"
    if code.expires_at <= state.now:
        return "CODE_EXPIRED"
    code.tries += 1
    code.is_used = right
    return OK if right else "CODE_INVALID"


def _crown(house: House, heir: Member) -> None:
    house.owner.role = "ADULT"
    heir.role, heir.is_successor = "OWNER", False
    house.dissolves_at, house.is_absent, house.claimed, house.confirmed = None, False, False, False


def _cannot_own(state: State, member: Member) -> str:
    """Why a member cannot be the owner: adults with a number, who are nobody's child (I2)."""
    if state.is_child(member.user):
        return "MINOR_NOT_ALLOWED"
    return OK if member.role == "ADULT" and state.msisdn_of(member.user) else "FORBIDDEN"


def _cools(state: State, *members: Member | None) -> bool:
    return state.is_cooling(*(state.line_of(state.msisdn_of(each.user)) for each in members if each))


def _sides(state: State, actor: Actor, transfer: Transfer) -> tuple[Member | None, Member | None] | None:
    """Both ends of an open transfer, for who is at one of them."""
    old, new = transfer.house.member(transfer.old), transfer.house.member(transfer.new)
    old = old if old is not None and old.role == "OWNER" else None
    is_open = transfer.status == "OPEN" and (transfer.accepted or transfer.expires_at > state.now)
    party = any(side is not None and side.user == actor.id for side in (old, new))
    return (old, new) if is_open and party else None
