"""Everything that there is, as the model sees it, and what is asked of it everywhere."""

from collections.abc import Iterable
from itertools import count

from tests.household_machine.records import (
    COOLING,
    QUARANTINE,
    Approval,
    Code,
    Guest,
    House,
    Invitation,
    Limit,
    Line,
    Link,
    Member,
    Person,
    Request,
    Transfer,
)


class State:
    """One operator's people, numbers and households."""

    def __init__(self, people: Iterable[Person], lines: Iterable[Line], houses: Iterable[House]) -> None:
        self.now = 0.0
        self.people = {each.id: each for each in people}
        self.lines = {each.id: each for each in lines}
        self.houses = {each.id: each for each in houses}
        self.links: dict[int, Link] = {}
        self.requests: dict[int, Request] = {}
        self.invitations: dict[int, Invitation] = {}
        self.transfers: dict[int, Transfer] = {}
        self.limits: dict[int, Limit] = {}
        self.policies: dict[int, bool] = {}  # lines: whether their children may top them up
        self.approvals: dict[int, Approval] = {}
        self.guests: dict[int, Guest] = {}
        self.codes: list[Code] = []
        self.reported: set[tuple[int, int]] = set()
        self.joined = count(100)

    @property
    def actors(self) -> list[Person]:
        """Those who can still sign in."""
        return [each for each in self.people.values() if each.msisdn is not None]

    @property
    def open_transfers(self) -> list[Transfer]:
        return [each for each in self.transfers.values() if each.status == "OPEN"]

    def houses_of(self, user: int | None) -> list[House]:
        """The households that somebody is in."""
        return [each for each in self.houses.values() if user in each.members]

    def is_child(self, user: int | None) -> bool:
        """Whether somebody is a child of any household."""
        return any(each.role(user) == "CHILD" for each in self.houses_of(user))

    def child_house(self, line: Line) -> House | None:
        """The household whose child uses a line, the one joined first."""
        found = [each for each in self.houses_of(line.user) if each.role(line.user) == "CHILD"]
        return min(found, key=lambda each: each.members[line.user or 0].joined, default=None)

    def house_of_member(self, member_id: int) -> tuple[House, Member] | None:
        """An active membership by its id."""
        found = ((house, house.member(member_id)) for house in self.houses.values())
        return next(((house, member) for house, member in found if member), None)

    def line_of(self, msisdn: str | None) -> Line | None:
        """The line that has a number now."""
        return next((each for each in self.lines.values() if msisdn and each.msisdn == msisdn), None)

    def msisdn_of(self, user: int) -> str | None:
        """The number that somebody is known by."""
        return self.people[user].msisdn

    def is_cooling(self, *lines: Line | None) -> bool:
        """Whether a SIM of these is too new (E13)."""
        return any(
            line is not None and line.sim_changed_at is not None and self.now < line.sim_changed_at + COOLING
            for line in lines
        )

    def in_quarantine(self, line: Line) -> bool:
        """Whether the number came to its contract too short a while ago (N3)."""
        return line.reissued_at is not None and self.now < line.reissued_at + QUARANTINE

    def void_codes(self, msisdn: str) -> None:
        """Codes and questions on their way to a number are nobody's any more (E13, E64)."""
        for code in self.codes:
            if code.target == msisdn and not code.is_used:
                code.expires_at = min(code.expires_at, self.now)
        for request in self.requests.values():
            if request.target == msisdn and request.status == "PENDING":
                request.status = "EXPIRED"
