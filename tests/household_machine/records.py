"""What the model knows of people, numbers, households and links. Times are seconds of the model's own clock."""

from dataclasses import dataclass, field
from enum import StrEnum

OK = "OK"
"""What a call that is not refused is answered; refusals are named by their codes."""

HOUR, DAY = 3600.0, 86_400.0
CODE_SECONDS = 300.0
MOST_TRIES = 5
DISSOLVING, INVITED, HANDING_OVER, DECIDING = 72 * HOUR, 72 * HOUR, 72 * HOUR, 24 * HOUR
ASKING, COOLING, SETTLING = 24 * HOUR, 24 * HOUR, 24 * HOUR
QUARANTINE, REVERIFY = 60 * DAY, 365 * DAY
MOST_MEMBERS, MOST_NUMBERS, MOST_SECONDARY = 6, 4, 3
CONSENT_AGE, MAJORITY = 14, 18


class Way(StrEnum):
    """By which session somebody acts: with a fresh proof, without one, or as the network let them in."""

    PROVEN = "PROVEN"
    PLAIN = "PLAIN"
    PARTIAL = "PARTIAL"


@dataclass(eq=False)
class Person:
    """Somebody with a cabinet; `msisdn` is what they sign in by, None when somebody else has it now."""

    id: int
    ref: str
    age: int | None
    msisdn: str | None


@dataclass(frozen=True)
class Actor:
    """Somebody in one of their sessions."""

    person: Person
    way: Way

    @property
    def id(self) -> int:
        return self.person.id

    @property
    def is_full(self) -> bool:
        return self.way is not Way.PARTIAL

    @property
    def is_proven(self) -> bool:
        return self.way is Way.PROVEN


@dataclass(eq=False, repr=False)
class Line:
    """A number with a contract and an account of its own; `user` has its SIM, `holder` signed the contract."""

    id: int
    account: int
    msisdn: str | None
    user: int | None
    holder: int | None
    balance: int
    status: str = "ACTIVE"
    sim_epoch: int = 1
    contract_epoch: int = 1
    sim_changed_at: float | None = None
    reissued_at: float | None = None
    may_be_asked: bool = True
    blocked_by: int | None = None
    is_lost: bool = False

    def __repr__(self) -> str:
        return f"line {self.id} ({self.msisdn}, {self.status})"

    @property
    def has_ended(self) -> bool:
        return self.status == "TERMINATED"


@dataclass(eq=False)
class Member:
    """An active place in a household; `joined` orders those of a person."""

    id: int
    user: int
    role: str
    age: int | None
    joined: int
    is_successor: bool = False


@dataclass(eq=False, repr=False)
class House:
    """A household; of one that is dissolved nobody is a member."""

    id: int
    name: str
    members: dict[int, Member] = field(default_factory=dict)
    adults_invite: bool = False
    dissolves_at: float | None = None
    is_absent: bool = False
    claimed: bool = False
    confirmed: bool = False
    is_dissolved: bool = False

    def __repr__(self) -> str:
        return f"household {self.id} ({', '.join(f'{user} {each.role}' for user, each in self.members.items())})"

    @property
    def owner(self) -> Member:
        return next(member for member in self.members.values() if member.role == "OWNER")

    def role(self, user: int | None) -> str | None:
        """Somebody's role; None: no member."""
        member = self.members.get(user) if user is not None else None
        return member.role if member else None

    def member(self, member_id: int) -> Member | None:
        return next((each for each in self.members.values() if each.id == member_id), None)


@dataclass(eq=False)
class Link:
    """A household's grant over a line; `consented` is what was agreed to last."""

    id: int
    house: House
    line: Line
    kind: str
    scopes: set[str]
    consented: set[str]
    requester: int | None
    sim_epoch: int
    contract_epoch: int
    settles_at: float | None = None
    reverify_by: float | None = None
    status: str = "ACTIVE"
    undone: int = 0
    signed_by: int | None = None  # who agreed in place of a SIM that nobody has a cabinet of

    @property
    def goes_on(self) -> bool:
        return self.status in ("ACTIVE", "SUSPENDED")


@dataclass(eq=False)
class Code:
    """A code that was asked for: `is_sent` is whether anybody can read it."""

    id: str
    target: str
    session: object
    expires_at: float
    is_sent: bool
    tries: int = 0
    is_used: bool = False


@dataclass(eq=False)
class Request:
    """A question whether a number may be linked; without a `line` nobody was asked."""

    id: int
    requester: int
    session: object
    house: House | None
    target: str
    line: Line | None
    kind: str
    moves: bool
    scopes: frozenset[str]
    sim_epoch: int | None
    contract_epoch: int | None
    expires_at: float = 0.0
    code: Code | None = None
    status: str = "PENDING"
    is_proven_at: float | None = None


@dataclass(eq=False)
class Invitation:
    id: int
    house: House
    by: int
    role: str
    age: int | None
    target: str
    expires_at: float
    token: str = ""
    status: str = "PENDING"


@dataclass(eq=False)
class Transfer:
    id: int
    house: House
    old: int  # members, not people
    new: int
    expires_at: float
    code: Code
    accepted: bool = False
    effective_at: float | None = None
    status: str = "OPEN"


@dataclass(eq=False)
class Limit:
    id: int
    line: Line
    key: tuple[str, str]
    amount: int
    on_reach: str
    set_by: int


@dataclass(eq=False)
class Approval:
    """A child's question whether money of its own may go to another line."""

    id: int
    house: House
    line: Line
    child: int
    target: Line
    price: int
    expires_at: float
    status: str = "PENDING"


@dataclass(eq=False)
class Guest:
    """A link for guests."""

    id: int
    line: Line
    by: int
    scopes: frozenset[str]
    token: str
    uses_left: int | None
    expires_at: float
    sim_epoch: int
    contract_epoch: int
    is_revoked: bool = False
