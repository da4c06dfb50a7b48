"""What becomes of questions and links (SPEC 4.5, E1–E20): answers as codes, and done where that is OK."""

from dataclasses import dataclass

from tests.household_machine.handover_rules import try_code
from tests.household_machine.records import (
    DAY,
    MAJORITY,
    MOST_NUMBERS,
    MOST_SECONDARY,
    OK,
    REVERIFY,
    SETTLING,
    Actor,
    House,
    Line,
    Link,
    Member,
    Request,
)
from tests.household_machine.rights import answers, holds
from tests.household_machine.state import State

DELEGABLE = {
    "PRIMARY": {
        *("VIEW", "USAGE", "DETAILS", "PAY", "AUTOPAY", "SERVICES", "TARIFF", "BLOCK", "LIMITS", "TRANSFER"),
    },
    "SECONDARY": {"VIEW", "USAGE", "PAY"},
}


@dataclass(frozen=True)
class Asked:
    """What asking leads to: a question, or a line or link that is there already."""

    code: str
    house: House | None = None
    line: Line | None = None
    link: Link | None = None


def ask(
    state: State, actor: Actor, target: str, scopes: frozenset[str], kind: str, house: House | None, *, moves: bool
) -> Asked:
    if not actor.is_full:
        return Asked("FORBIDDEN")
    if not actor.is_proven:
        return Asked("STEP_UP_REQUIRED")
    if not scopes or not scopes <= DELEGABLE[kind]:
        return Asked("INVALID_INPUT")
    if house is not None and house.role(actor.id) is None:
        return Asked("NOT_FOUND")
    own = _first_house(state, actor.id) if house is None else house
    if own is not None and own.role(actor.id) not in ("OWNER", "ADULT"):
        return Asked("FORBIDDEN")
    if own is not None and own.is_absent:
        return Asked("OWNER_ABSENT")  # nobody decides there (E28)
    if own is None and actor.person.age is not None and actor.person.age < MAJORITY:
        return Asked("MINOR_NOT_ALLOWED")  # a household begins with the link, and has an owner (I2)
    line = state.line_of(target)
    if line is not None and line.user == actor.id:
        return Asked(OK, line=line)
    link = None if own is None or line is None else _own_link(state, own, line)
    if link and link.status == "ACTIVE" and scopes <= link.scopes and kind in ("SECONDARY", link.kind):
        return Asked(OK, link=link)
    if _is_full(state, own, line):
        return Asked("NUMBER_LIMIT_REACHED")
    proofs = (each for each in state.requests.values() if (each.requester, each.target) == (actor.id, target))
    if moves and not any(each.is_proven_at is not None and each.is_proven_at > state.now - DAY for each in proofs):
        return Asked("CONSENT_REQUIRED")
    return Asked(OK, house=own)


def reaches(state: State, requester: int, line: Line | None) -> bool:
    """Whether a question gets to anybody at all, which who asks is not told."""
    if line is None or (requester, line.id) in state.reported or not line.may_be_asked:
        return False
    return line.status == "ACTIVE" and not state.is_cooling(line) and not state.in_quarantine(line)


def confirm(state: State, actor: Actor, session: object, request: Request, *, right: bool) -> str:
    """What typing the newest code of a request is answered; `right` is whether it could be read."""
    code = request.code
    assert code is not None
    if not actor.is_full:
        return "FORBIDDEN"
    told = "CODE_INVALID" if code.session != session else try_code(state, code, right=right)
    if told != OK:
        burnt = told != "CODE_INVALID" or code.tries >= 5
        if code.session == session and burnt and _is_open(state, request):
            request.expires_at = state.now
        return told
    if not _is_open(state, request) or request.line is None:
        return "CODE_EXPIRED"
    if request.line.msisdn != request.target:
        return _close(state, request, "CONFLICT")
    return _made(state, request, request.scopes, moves=request.moves, by_code=True)


def approve(state: State, actor: Actor, request: Request, scopes: frozenset[str], *, move: bool) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    if not _is_to(state, actor, request):
        return "NOT_FOUND"
    if not _is_open(state, request):
        return "CONFLICT"
    if not actor.is_proven:
        return "STEP_UP_REQUIRED"
    if not scopes or not scopes <= DELEGABLE[request.kind] or not scopes <= request.scopes:
        return "INVALID_INPUT"
    told = _made(state, request, scopes, moves=move, by_code=False)
    if (told, move) != ("NUMBER_ALREADY_LINKED", False) and request.code and not request.code.is_used:
        request.code.expires_at = min(request.code.expires_at, state.now)
    return told


def decline(state: State, actor: Actor, request: Request, *, reported: bool) -> str:
    if not _is_to(state, actor, request):
        return "NOT_FOUND"
    if not _is_open(state, request):
        return "CONFLICT"
    request.status = "REVOKED"
    if reported and request.line is not None:
        state.reported.add((request.requester, request.line.id))
    return OK


def stop(state: State, line: Line) -> None:
    """A reply of STOP: whoever waits is refused; where nobody waits, all links end."""
    waiting = [each for each in state.requests.values() if each.line is line and _is_open(state, each)]
    for request in waiting:
        request.status = "REVOKED"
    for link in state.links.values():
        if not waiting and link.line is line and link.goes_on:
            link.status = "REVOKED"


def revoke(state: State, actor: Actor, link: Link) -> str:
    mine, role = holds(state, actor.id, link), link.house.role(actor.id)
    if not mine and role not in ("OWNER", "ADULT"):
        return "NOT_FOUND"
    may = mine or (actor.is_full and (role == "OWNER" or link.requester == actor.id))
    if may and link.goes_on:
        link.status = "REVOKED"
    return OK if may else "FORBIDDEN"


def change_scopes(state: State, actor: Actor, link: Link, scopes: frozenset[str]) -> str:
    role, wider = link.house.role(actor.id), scopes - link.scopes
    mine, grown_up = holds(state, actor.id, link), role in ("OWNER", "ADULT")
    if not mine and not grown_up:
        return "NOT_FOUND"
    if not scopes or not scopes <= DELEGABLE[link.kind]:
        return "INVALID_INPUT"
    if link.status != "ACTIVE":
        return "LINK_REVOKED"
    decides = mine and answers(state, link.line) == actor.id
    if decides or (mine and not grown_up):
        if wider and not decides:
            return "FORBIDDEN"  # a child lets nobody do more, nor does a parent of one that answers for itself
        if wider and not actor.is_proven:
            return "STEP_UP_REQUIRED"
        if scopes != link.scopes:
            link.consented = set(scopes)
    else:
        if (role != "OWNER" and link.requester != actor.id) or not actor.is_full:
            return "FORBIDDEN"
        if not scopes <= link.consented:
            return "CONSENT_REQUIRED"
    link.scopes = set(scopes)
    return OK


def rename(state: State, actor: Actor, line: Line) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    links = (each for each in state.links.values() if each.line is line and each.status == "ACTIVE")
    by_house = any(each.house.role(actor.id) in ("OWNER", "ADULT") for each in links)
    return OK if line.user == actor.id or by_house else "NOT_FOUND"


def set_privacy(actor: Actor, line: Line, *, allow: bool) -> str:
    if not actor.is_full:
        return "FORBIDDEN"
    if line.user != actor.id:
        return "NOT_FOUND"
    line.may_be_asked = allow
    return OK


def rest_overdue(state: State) -> None:
    """What the clock does with links that nobody has agreed to again."""
    for link in state.links.values():
        if link.status == "ACTIVE" and link.reverify_by is not None and link.reverify_by <= state.now:
            link.status = "SUSPENDED"


def rest(state: State, line: Line) -> None:
    """Links to a line wait for a new consent."""
    for link in state.links.values():
        if link.line is line and link.status == "ACTIVE":
            link.status = "SUSPENDED"


def _made(state: State, request: Request, scopes: frozenset[str], *, moves: bool, by_code: bool) -> str:
    told, house = _may_make(state, request, moves=moves)
    if told == "NUMBER_ALREADY_LINKED" and not by_code and not moves:
        return told
    if told != OK:
        return _close(state, request, told)
    request.status = "ACTIVE"
    line = request.line
    assert line is not None
    before = None if house is None else _own_link(state, house, line)
    kind = before.kind if before and before.kind == "PRIMARY" else request.kind
    for each in _rivals(state, house, line):
        if kind == "PRIMARY" and each.kind == "PRIMARY":
            each.status = "REVOKED"
    settles_at = state.now + SETTLING if by_code else None
    if by_code and before and {"AUTOPAY", "DETAILS"} & scopes <= before.scopes:
        settles_at = before.settles_at
    link = before or Link(0, house or House(0, ""), line, kind, set(), set(), None, 0, 0)
    link.kind, link.status, link.scopes, link.consented = kind, "ACTIVE", set(scopes), set(scopes)
    link.requester, link.sim_epoch, link.contract_epoch = request.requester, line.sim_epoch, line.contract_epoch
    link.settles_at, link.reverify_by = settles_at, state.now + REVERIFY
    link.signed_by = line.holder if not by_code and line.user is None else link.signed_by
    state.links[link.id] = link  # a new one by 0, until its id is known
    return OK


def made(state: State, link_id: int, house_id: int, name: str, member_id: int) -> None:
    """What a new link, and the household that may have begun with it, are called."""
    link = state.links.pop(0, None)
    if link is None:
        return
    link.id = link_id
    state.links[link_id] = link
    if link.house.id == 0:
        link.house.id, link.house.name = house_id, name
        founder = link.requester or 0
        link.house.members[founder] = Member(member_id, founder, "OWNER", None, next(state.joined))
        state.houses[house_id] = link.house


def _may_make(state: State, request: Request, *, moves: bool) -> tuple[str, House | None]:
    house, line = request.house or _first_house(state, request.requester), request.line
    assert line is not None
    if request.house is not None and request.house.role(request.requester) is None:
        return "NOT_A_MEMBER", None
    if house is not None and house.role(request.requester) not in ("OWNER", "ADULT"):
        return "NOT_A_MEMBER", None
    if house is not None and house.is_absent:
        return "OWNER_ABSENT", None
    if request.sim_epoch != line.sim_epoch:
        return "SIM_CHANGED", None
    if request.contract_epoch != line.contract_epoch:
        return "CONTRACT_CHANGED", None
    if line.user == request.requester or line.status != "ACTIVE" or state.in_quarantine(line):
        return "CONFLICT", None
    if state.is_cooling(line):
        return "COOLDOWN_ACTIVE", None
    if _is_full(state, house, line):
        return "NUMBER_LIMIT_REACHED", None
    own = None if house is None else _own_link(state, house, line)
    kind = "PRIMARY" if own and own.kind == "PRIMARY" else request.kind
    rivals = _rivals(state, house, line)
    if kind == "SECONDARY":
        crowded = sum(each.kind == "SECONDARY" for each in rivals) >= MOST_SECONDARY
        return ("NUMBER_ALREADY_LINKED", None) if crowded else (OK, house)
    primary = next((each for each in rivals if each.kind == "PRIMARY"), None)
    if primary is not None and not moves:
        return "NUMBER_ALREADY_LINKED", None
    if primary is not None and primary.house.role(line.user) == "CHILD":
        return "FORBIDDEN", None
    if primary is None and _is_anothers_child(state, house, line):
        return "FORBIDDEN", None
    return OK, house


def _is_anothers_child(state: State, house: House | None, line: Line) -> bool:
    """Whether a child uses it whose family is another, and nobody of this one signed its contract (E39)."""
    children = any(each is not house and each.role(line.user) == "CHILD" for each in state.houses_of(line.user or 0))
    return children and (house is None or line.holder not in house.members)


def _close(state: State, request: Request, told: str) -> str:
    request.status = "EXPIRED"
    request.is_proven_at = state.now if told == "NUMBER_ALREADY_LINKED" else None
    return told


def _is_open(state: State, request: Request) -> bool:
    return request.status == "PENDING" and request.expires_at > state.now


def _is_to(state: State, actor: Actor, request: Request) -> bool:
    """Whether somebody answers for the number that was asked for, as far as it still is the same."""
    line = request.line
    return line is not None and line.msisdn == request.target and answers(state, line) == actor.id


def _first_house(state: State, user: int) -> House | None:
    mine = state.houses_of(user)
    return min(mine, key=lambda each: (each.role(user) != "OWNER", each.members[user].joined), default=None)


def _own_link(state: State, house: House, line: Line) -> Link | None:
    found = (each for each in state.links.values() if each.house is house and each.line is line and each.goes_on)
    return next(found, None)


def _rivals(state: State, house: House | None, line: Line) -> list[Link]:
    return [each for each in state.links.values() if each.line is line and each.house is not house and each.goes_on]


def _is_full(state: State, house: House | None, line: Line | None) -> bool:
    mine = [each for each in state.links.values() if each.house is house and each.goes_on and each.line is not line]
    return len(mine) >= MOST_NUMBERS
