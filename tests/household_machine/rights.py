"""Who may do what with a line: the table of SPEC 4.4, read once more and not from `domain/access.py`."""

from collections.abc import Iterator

from tests.household_machine.records import CONSENT_AGE, House, Line, Link
from tests.household_machine.state import State
from tests.test_rights_matrix import CELLS, SCOPES

ALL = (*SCOPES, "DOCUMENTS", "CLOSE")
_CONTRACT = {"PAY", "TARIFF", "BLOCK", "DOCUMENTS", "CLOSE"}
_LOOKING_BACK = {"VIEW", "USAGE", "DETAILS", "DOCUMENTS"}
_SECONDARY = {"VIEW", "USAGE", "PAY"}
LOOK_AND_PAY = {"VIEW", "PAY"}
_LATER = {"AUTOPAY", "DETAILS"}
"""What a link by a code gives after a day only (E15)."""


def rights(state: State, user: int, line: Line, *, full: bool = True) -> set[str]:
    """What somebody may do with a line; nothing: the line is not there for them."""
    mine = line.user == user
    found: set[str] = set()
    if mine:
        found |= _cells("child's-own" if state.is_child(user) else "own")
    if line.holder == user and not state.is_child(user):
        found |= _CONTRACT
    if line.has_ended:
        found &= _LOOKING_BACK
    else:
        for house, link in grants(state, user, line):
            found |= _by_household(state, user, line, house, link)
    if not full:
        found &= LOOK_AND_PAY if mine else {"PAY"}
    return found


def grants(state: State, user: int, line: Line) -> Iterator[tuple[House, Link | None]]:
    """By which households somebody has to do with a line, and by which link; an owner's child needs none."""
    for house in state.houses_of(user):
        if house.role(user) == "CHILD":
            continue
        yield from ((house, link) for link in state.links.values() if link.house is house and counts(state, link, line))
        if house.role(user) == "OWNER" and house.role(line.user) == "CHILD":
            yield house, None


def counts(state: State, link: Link, line: Line) -> bool:
    """Whether a link gives anything: of the SIM and the contract of now, and agreed to in time (I7)."""
    same = (link.sim_epoch, link.contract_epoch) == (line.sim_epoch, line.contract_epoch)
    in_time = link.reverify_by is None or link.reverify_by > state.now
    return link.line is line and link.status == "ACTIVE" and same and in_time


def looks_after(state: State, user: int, line: Line) -> bool:
    """Whether somebody owns the household of the child that uses a line, and decides there."""
    houses = (house for house in state.houses_of(user) if house.role(user) == "OWNER" and not house.is_absent)
    return any(house.role(line.user) == "CHILD" for house in houses)


def answers(state: State, line: Line) -> int | None:
    """Who is asked whether a line may be linked: its user, or for a child too young who owns its household."""
    if line.user is None:
        return line.holder
    for house in sorted(state.houses_of(line.user), key=lambda each: each.members[line.user or 0].id):
        member = house.members[line.user]
        if member.role == "CHILD" and (member.age is None or member.age < CONSENT_AGE):
            return house.owner.user
    return line.user


def holds(state: State, user: int, link: Link) -> bool:
    """Whether a link is to somebody's own number, to that of their child, or to one that they answer for (4.4)."""
    line = link.line
    if link.contract_epoch != line.contract_epoch:
        return False
    if line.user is None:
        return link.signed_by == user
    return line.user == user or any(
        house.role(user) == "OWNER" and house.role(line.user) == "CHILD" for house in state.houses_of(user)
    )


def unblocks(state: State, user: int, line: Line) -> bool:
    """Whether somebody who may block a line may unblock it: no child, and of a household its owner only (4.4)."""
    if state.is_child(user):
        return False
    if user in (line.user, line.holder):
        return True
    owned = (pair for pair in grants(state, user, line) if pair[0].role(user) == "OWNER")
    return any("BLOCK" in _by_household(state, user, line, house, link) for house, link in owned)


def _by_household(state: State, user: int, line: Line, house: House, link: Link | None) -> set[str]:
    role, child = house.role(user), house.role(line.user) == "CHILD"
    column = "viewer" if role == "VIEWER" else f"{str(role).lower()}-on-{'child' if child else 'adult'}"
    given = set(link.scopes) if link else set()
    if link and link.settles_at is not None and link.settles_at > state.now:
        given -= _LATER
    member = house.members[line.user] if child and line.user is not None else None
    below = member is not None and member.age is not None and member.age < CONSENT_AGE
    found = _cells(column, given, below=below)
    if house.is_absent:
        found &= LOOK_AND_PAY
    return found & _SECONDARY if link and link.kind == "SECONDARY" else found


def _cells(column: str, given: set[str] = frozenset(), *, below: bool = False) -> set[str]:  # type: ignore[assignment]
    told = {scope: CELLS[scope, column] for scope in SCOPES}
    return {
        scope
        for scope, cell in told.items()
        if cell in "YA" or (cell == "L" and scope in given) or (cell == "C" and (below or scope in given))
    }
