"""Lines, services and what a line has of a service, as a transaction that changes them reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import AccessLevel, HouseholdRole, Scope, Standing, scopes
from domain.catalogue import FeePeriod, ServiceCategory
from domain.line import LineStatus, ServiceKind
from domain.profile import Profile
from domain.refusals import Forbidden, NotFound
from models.audit import Actor
from models.child_policy import Child
from models.standing import standing_to
from services.limit_alert import local_day
from services.service_history import By
from services.usage_limit import minor_of

NO_LINE = NotFound("There is no such line", ("lineId",))
NO_SERVICE = NotFound("There is no such service", ("serviceId",))
_NOT_YOURS = Forbidden("The services of this line are not yours to manage", ("lineId",))

_LINE = """
select l.id, l.account_id, l.kind, l.status, l.msisdn, l.user_id, l.sim_changed_at,
  k.status = 'TERMINATED' as contract_ended, now() as now
from line l join personal_account a on a.id = l.account_id join contract k on k.id = a.contract_id
where l.id = $1 and l.operator = $2
"""
# A catalogue that is imported meanwhile waits: what is charged is what was priced.
_SERVICE = """
select id, code, name, artist, kind, category, fee, fee_period, connection_fee, trial_days, valid_days, age_rating,
  archived
from service where id = $1 and operator = $2 for share
"""
_HAD = """
select id, since, valid_until, trial_ends_at, next_charge_at, unpaid_since, ended_at, paid_until
from service_subscription where line_id = $1 and service_id = $2 for no key update
"""
_TRIED_TV = """
select exists (
  select from service_subscription ss join service s on s.id = ss.service_id
  where ss.line_id = $1 and s.category = 'TV' and ss.trial_ends_at is not null) as tried
"""


@dataclass(frozen=True, slots=True)
class LineOf:
    """A line, how whoever acts stands to it, and what they may do; `now` is the database's clock.

    `child` is who uses the line, where that is one.
    """

    id: int
    account_id: int
    kind: ServiceKind
    status: LineStatus
    msisdn: str | None
    user_id: int | None
    sim_changed_at: datetime | None
    contract_ended: bool
    now: datetime
    standing: Standing
    rights: frozenset[Scope]
    child: Child | None

    @property
    def works(self) -> bool:
        return self.status is LineStatus.ACTIVE and not self.contract_ended

    def asks(self, user_id: int) -> bool:
        """Whether somebody is the child that uses the line, and asks the owner of its household first (4.4)."""
        return self.child is not None and self.child.child_id == user_id

    def by(self, actor: Actor) -> By:
        """Whoever acts, in the role in which they do."""
        if self.asks(actor.user_id):
            return By(actor, HouseholdRole.CHILD)
        return By(actor, next((grant.role for grant in self.standing.grants), None))


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the catalogue; fees in minor units. Of a tone `artist` says whose it is (F126)."""

    id: int
    code: str
    name: str
    artist: str | None
    kind: ServiceKind
    category: ServiceCategory
    fee: int
    fee_period: FeePeriod
    connection_fee: int
    trial_days: int | None
    valid_days: int | None
    age_rating: int | None
    archived: bool

    @property
    def title(self) -> str:
        """What it is called, with whose it is, in at most 60 characters."""
        return (f"{self.artist} – {self.name}" if self.artist else self.name)[:60]


@dataclass(frozen=True, slots=True)
class Had:
    """What a line has of a service, or had: columns as of `ServiceSubscription`."""

    id: int
    since: datetime
    valid_until: datetime | None
    trial_ends_at: datetime | None
    next_charge_at: datetime | None
    unpaid_since: datetime | None
    ended_at: datetime | None
    paid_until: datetime | None

    def is_active(self, now: datetime) -> bool:
        """Whether it is connected: one whose time is over is not, even before somebody has written that down."""
        return self.ended_at is None and (self.valid_until is None or self.valid_until > now)


async def managed(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, line_id: int, level: AccessLevel
) -> LineOf | NotFound | Forbidden:
    """The line, where somebody in a session of that level has SERVICES over it now."""
    line = await line_of(connection, profile, actor.user_id, line_id, level)
    if line is None or not line.rights:
        return NO_LINE
    return line if Scope.SERVICES in line.rights else _NOT_YOURS


async def line_of(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int, line_id: int, level: AccessLevel
) -> LineOf | None:
    """A line of this operator, and what somebody may do with it."""
    rows = await connection.execute_query_dict(_LINE, [line_id, profile.operator.id])
    if not rows:
        return None
    row: Mapping[str, Any] = rows[0]
    standing = await standing_to(
        connection, profile.operator.id, user_id, account_id=row["account_id"], line_id=line_id
    )
    return LineOf(
        id=row["id"],
        account_id=row["account_id"],
        kind=ServiceKind(row["kind"]),
        status=LineStatus(row["status"]),
        msisdn=row["msisdn"],
        user_id=row["user_id"],
        sim_changed_at=row["sim_changed_at"],
        contract_ended=row["contract_ended"],
        now=row["now"].astimezone(UTC),
        standing=standing,
        rights=scopes(standing, level, profile, local_day(profile)),
        child=await minor_of(connection, profile, line_id),
    )


async def service(connection: BaseDBAsyncClient, profile: Profile, service_id: int) -> Service | None:
    """A service of this operator's catalogue, at a price that holds until the transaction ends."""
    rows = await connection.execute_query_dict(_SERVICE, [service_id, profile.operator.id])
    if not rows:
        return None
    told: dict[str, Any] = dict(rows[0])
    told["kind"], told["category"] = ServiceKind(told["kind"]), ServiceCategory(told["category"])
    told["fee_period"] = FeePeriod(told["fee_period"])
    return Service(**told)


async def had(connection: BaseDBAsyncClient, line_id: int, service_id: int) -> Had | None:
    """What the line has of the service, which nobody else changes before the caller commits."""
    rows = await connection.execute_query_dict(_HAD, [line_id, service_id])
    return Had(**rows[0]) if rows else None


async def now(connection: BaseDBAsyncClient) -> datetime:
    """The moment of the caller's transaction, on the database's clock."""
    [row] = await connection.execute_query_dict("select now() as now", [])
    moment: datetime = row["now"]
    return moment


async def tried_tv(connection: BaseDBAsyncClient, line_id: int) -> bool:
    """Whether a line has had free days of television, of whichever service (F129)."""
    [row] = await connection.execute_query_dict(_TRIED_TV, [line_id])
    tried: bool = row["tried"]
    return tried
