"""What the plain model keeps. Amounts are in minor units, and moments in seconds since the machine began."""

from dataclasses import dataclass, field
from enum import Enum, auto

from domain.payment import ConfirmationKind, DeclineReason
from gateways.simulators.bank.records import Behaviour, State

WAIT_SECONDS = 900  # for a payer, before a payment is given up
OFFERS = (5_000, 10_000, 20_000, 30_000, 50_000)
OPEN = ("PROCESSING", "AWAITING_CONFIRMATION")


class Word(Enum):
    """What the bank makes of the first request for a refund."""

    DONE = auto()
    LATER = auto()
    ANSWER_LOST = auto()
    NOT_HEARD = auto()
    NO = auto()


@dataclass
class Account:
    """What somebody has and what they owe of a promise; `charged` is what the operator took for its services."""

    id: int
    line_id: int
    balance: int = 0
    charged: int = 0
    owed: int = 0
    collect_at: float = 0.0

    def offers(self) -> list[int]:
        """What can be had on trust: what an ordinary month of three costs."""
        return [] if self.owed else [amount for amount in OFFERS if amount * 3 <= self.charged]


@dataclass
class Rule:
    """An automatic payment: `round` counts the falls below the threshold, and `armed` is whether this one is unpaid."""

    id: int
    account: Account
    amount: int
    threshold: int
    cap: int | None
    behaviour: Behaviour
    active: bool
    armed: bool = True
    round: int = 1
    failures: int = 0
    due_at: float | None = 0.0
    removed: bool = False
    begun: list["Payment"] = field(default_factory=list)
    tries: dict[int, int] = field(default_factory=dict)

    @property
    def is_paying(self) -> bool:
        """Whether a payment of it is on its way."""
        return any(payment.ours in OPEN for payment in self.begun)

    @property
    def next_key(self) -> str:
        """The name of the next payment for this fall: there is one for each try."""
        return f"autopay {self.id} dip {self.round} {self.tries.get(self.round, 0) + 1}"

    def change(self, amount: int, threshold: int, cap: int | None, behaviour: Behaviour, active: bool) -> None:
        """Other terms: what is paid for stays so, unless the balance is not below the new threshold."""
        self.amount, self.threshold, self.cap, self.behaviour = amount, threshold, cap, behaviour
        self.active, self.failures = active, 0
        self.rearm_if_risen()
        self.due_at = 0.0 if active and self.armed else None

    def rearm_if_risen(self) -> None:
        """The money is enough: the next fall is another one."""
        if not self.armed and self.account.balance >= self.threshold:
            self.armed, self.round = True, self.round + 1


@dataclass
class Payment:
    """How far a payment is with us and at the bank, which does as `behaviour` says; `rule` is who began it."""

    id: int
    key: str
    at_bank: str  # its name there
    confirmation: ConfirmationKind
    behaviour: Behaviour
    account: Account
    amount: int
    begun_at: float
    month: int
    holds: bool = False
    rule: Rule | None = None
    ours: str = "PROCESSING"
    bank: State | None = None
    reason: DeclineReason | None = None
    settles_at: float = 0.0
    has_url: bool = False
    confirm_by: float = 0.0
    refunded: int = 0

    def __post_init__(self) -> None:
        self.confirm_by = self.begun_at + WAIT_SECONDS

    @property
    def fee(self) -> int:
        """One per cent, rounded half up."""
        return fee(self.amount)


@dataclass
class Refund:
    """Money that somebody wants back; `amount` and `fee` are what the operator has agreed to."""

    id: int
    payment: Payment
    asked: int | None
    ours: str = "REQUESTED"
    amount: int = 0
    fee: int = 0
    at_bank: str = ""
    bank: State | None = None
    settles_at: float = 0.0


def fee(amount: int) -> int:
    """What the operator takes on top: one per cent, rounded half up."""
    return (amount + 50) // 100
