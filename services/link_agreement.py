"""What a number's holder agreed to, by whichever way (SPEC 4.5)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import LinkKind, Scope
from domain.number_link import ConsentMethod


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a holder agreed to, and how; `household_id` None: one is made for whoever asked.

    `sim_epoch` and `contract_epoch` are those of the moment that the holder was asked at; `text` is what they read.
    `given_by` is in whose cabinet it was given, `challenge_id` whose code, `address` from where.
    """

    requester_id: int
    requester: str
    household_id: int | None
    target: str
    is_account: bool
    kind: LinkKind
    moves: bool
    scopes: tuple[Scope, ...]
    method: ConsentMethod
    text: str
    requested_at: datetime
    sim_epoch: int | None
    contract_epoch: int | None
    given_by: int | None = None
    challenge_id: UUID | None = None
    address: str | None = None
