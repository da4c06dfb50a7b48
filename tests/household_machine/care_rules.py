"""What becomes of limits, children's questions, links for guests, blocks and money (F048, F053, F054, F121)."""

from tests.household_machine.records import DECIDING, OK, Actor, Approval, Guest, Limit, Line
from tests.household_machine.rights import grants, looks_after, rights, unblocks
from tests.household_machine.state import State

_UNDONE_TOO_OFTEN = 2


def limit(state: State, actor: Actor, line: Line, key: tuple[str, str], amount: int, on_reach: str) -> str:
    if (refused := _limited(state, actor, line)) != OK:
        return refused
    if on_reach == "ASK_OWNER" and state.child_house(line) is None:
        return "INVALID_INPUT"
    before = next((each for each in state.limits.values() if each.line is line and each.key == key), None)
    if before is not None and (before.amount, before.on_reach) != (amount, on_reach):
        before.amount, before.on_reach, before.set_by = amount, on_reach, actor.id
    if before is None:
        state.limits[0] = Limit(0, line, key, amount, on_reach, actor.id)
    return OK


def unlimit(state: State, actor: Actor, found: Limit | None) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    refused = "NOT_FOUND" if found is None else _limited(state, actor, found.line)
    if refused == OK and found is not None:
        del state.limits[found.id]
    return "NOT_FOUND" if refused == "FORBIDDEN" else refused


def set_policy(state: State, actor: Actor, line: Line, *, may_top_up: bool) -> str:
    if (refused := _limited(state, actor, line)) != OK:
        return refused
    if state.child_house(line) is None:
        return "INVALID_INPUT"
    state.policies[line.id] = may_top_up
    return OK


def ask_to_give(state: State, actor: Actor, line: Line, target: Line, price: int) -> str:
    """A child asks whether its money may go to somebody (F053)."""
    if not rights(state, actor.id, line, full=actor.is_full):
        return "NOT_FOUND"
    if line.user != actor.id or not actor.is_full or line.has_ended:
        return "FORBIDDEN"
    if line is target:
        return "INVALID_INPUT"
    refused = _cannot_give(state, line, price)
    if refused == OK and _asked_before(state, line, target, price) is None:
        for each in state.approvals.values():
            if (each.line, each.target) == (line, target) and each.status == "PENDING":
                each.status = "CANCELLED"
    return "APPROVAL_REQUIRED" if refused == OK else refused


def asked(state: State, approval_id: int, line: Line, target: Line, price: int) -> None:
    """The question that stands now, or since before."""
    house = state.child_house(line)
    if approval_id in state.approvals or house is None:
        return
    expires_at = state.now + DECIDING
    state.approvals[approval_id] = Approval(approval_id, house, line, line.user or 0, target, price, expires_at)


def resolve(state: State, actor: Actor, approval: Approval, *, approve: bool) -> str:
    is_owner = approval.house.role(actor.id) == "OWNER"
    if not actor.is_full:
        return "FORBIDDEN"
    if not is_owner:
        return "FORBIDDEN" if approval.child == actor.id else "NOT_FOUND"
    wanted = "APPROVED" if approve else "DECLINED"
    if approval.status == wanted:
        return OK
    is_child = approval.house.role(approval.child) == "CHILD" and approval.line.user == approval.child
    if approval.status != "PENDING" or approval.expires_at <= state.now or not is_child:
        return "CONFLICT"
    if approve:
        if (refused := _cannot_give(state, approval.line, approval.price)) != OK:
            return refused if refused == "LIMIT_EXCEEDED" else "FORBIDDEN"
        if approval.target.has_ended:
            return "FORBIDDEN"
        approval.line.balance -= approval.price
        approval.target.balance += approval.price
    approval.status = wanted
    return OK


def expire_questions(state: State) -> None:
    """What the clock does with children's questions."""
    for each in state.approvals.values():
        if each.status == "PENDING" and each.expires_at <= state.now:
            each.status = "EXPIRED"


def let_in(state: State, actor: Actor, line: Line) -> str:
    """Making a link for guests: who uses the line, and who looks after a child (F054)."""
    if not actor.is_full:
        return "FORBIDDEN"
    related = actor.id in (line.user, line.holder) or any(grants(state, actor.id, line))
    if not related:
        return "NOT_FOUND"
    may = line.user == actor.id or looks_after(state, actor.id, line)
    return OK if may and not line.has_ended else "FORBIDDEN"


def shut_out(actor: Actor, guest: Guest) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    if actor.id not in (guest.by, guest.line.user):
        return "NOT_FOUND"
    guest.is_revoked = True
    return OK


def opens(state: State, guest: Guest) -> bool:
    """Whether a link for guests works: in time, not used up, of the SIM and the contract of now."""
    line = guest.line
    same = (guest.sim_epoch, guest.contract_epoch) == (line.sim_epoch, line.contract_epoch)
    in_time = not guest.is_revoked and guest.expires_at > state.now
    return same and in_time and guest.uses_left != 0 and not line.has_ended


def top_up(state: State, actor: Actor, line: Line, minor: int, guest: Guest | None, *, by_id: bool) -> str:
    """Money for a line: by its id for who may pay, by its number for everybody, by a link for who has it."""
    if by_id and "PAY" not in rights(state, actor.id, line, full=actor.is_full):
        return "NOT_FOUND"
    if guest is not None and not (opens(state, guest) and "PAY" in guest.scopes):
        return "NOT_FOUND"
    if not by_id and guest is None and line.msisdn is None:
        return "NOT_FOUND"
    if line.user == actor.id and state.child_house(line) is not None and not state.policies.get(line.id, True):
        return "FORBIDDEN"
    if guest is not None and guest.uses_left is not None:
        guest.uses_left -= 1
    line.balance += minor
    return OK


def block(state: State, actor: Actor, line: Line, *, lost: bool) -> str:
    may = rights(state, actor.id, line, full=actor.is_full)
    if not may:
        return "NOT_FOUND"
    if "BLOCK" not in may:
        return "FORBIDDEN"
    if line.status != "ACTIVE":
        return "LINE_BLOCKED"
    line.status, line.blocked_by, line.is_lost = "BLOCKED_BY_USER", actor.id, lost
    if lost and line.msisdn is not None:
        state.void_codes(line.msisdn)
    return OK


def unblock(state: State, actor: Actor, line: Line) -> str:
    may = rights(state, actor.id, line, full=actor.is_full)
    if not may:
        return "NOT_FOUND"
    if "BLOCK" not in may:
        return "FORBIDDEN"
    if line.status != "BLOCKED_BY_USER":
        return "LINE_NOT_BLOCKED"
    if not unblocks(state, actor.id, line):
        return "FORBIDDEN"
    if not actor.is_proven:
        return "STEP_UP_REQUIRED"
    if line.user == actor.id and line.blocked_by != actor.id:
        for link in state.links.values():
            by_blocker = line.blocked_by in link.house.members and "BLOCK" in link.scopes
            if link.line is line and link.status == "ACTIVE" and by_blocker:
                link.undone += 1
                link.scopes -= {"BLOCK"} if link.undone >= _UNDONE_TOO_OFTEN else set()
    line.status, line.blocked_by, line.is_lost = "ACTIVE", None, False
    return OK


def _limited(state: State, actor: Actor, line: Line) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    may = rights(state, actor.id, line)
    if not may:
        return "NOT_FOUND"
    if "LIMITS" not in may:
        return "FORBIDDEN"
    return "COOLDOWN_ACTIVE" if state.is_cooling(line) else OK


def _cannot_give(state: State, line: Line, price: int) -> str:
    """What stands against a child's payment whatever the owner says (I14)."""
    limits = (each for each in state.limits.values() if each.line is line and each.key[0] == "MONEY")
    if any(each.amount < price and each.on_reach in ("BLOCK_ALL", "BLOCK_PAID") for each in limits):
        return "LIMIT_EXCEEDED"
    return "INSUFFICIENT_FUNDS" if line.balance < price else OK


def _asked_before(state: State, line: Line, target: Line, price: int) -> Approval | None:
    same = (each for each in state.approvals.values() if (each.line, each.target, each.price) == (line, target, price))
    return next((each for each in same if each.status == "PENDING" and each.expires_at > state.now), None)
