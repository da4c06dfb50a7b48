"""Links for guests (F054): made by who uses a number, and by who looks after a child; looked at and paid through.

Only a hash of what a link ends in is kept. A link dies with the SIM and the contract that it was made for.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.lockout import network_of
from auth.session import Viewer
from domain.access import Scope, payments_seen
from domain.guest_grant import MOST_OPEN, GuestGrantRejected, check, new_token, token_hash
from domain.line import LineStatus
from domain.msisdn import mask
from domain.profile import Profile
from domain.refusals import Forbidden, InputRejected, NotFound, RateLimited
from models import audit, counter
from models.audit import About
from models.database import tx
from models.standing import standing_to
from services import payment_entry
from services.limit_alert import local_day
from services.payment_row import PaymentRow

R = TypeVar("R")

GUESSES_PER_NETWORK = 50
_HOUR = 3_600

_NO_LINE = NotFound("There is no such line", ("lineId",))
_NO_GRANT = NotFound("There is no such link of yours", ("grantId",))
_NOT_YOURS = Forbidden("Links are made by who uses the number, and by who looks after a child", ("lineId",))
_TOO_MANY = Forbidden(f"A line has at most {MOST_OPEN} links at once; revoke one first", ("lineId",))

# A link works while it is neither revoked nor expired nor used up, for the SIM and the contract that it was made for.
WORKS = """
g.revoked_at is null and g.expires_at > now() and (g.uses_left is null or g.uses_left > 0)
  and g.sim_epoch = l.sim_epoch and g.contract_epoch = c.epoch and l.status not in ('TERMINATED', 'PORTED_OUT')
"""
_LINE = """
select l.account_id, l.msisdn, l.service_point, l.status, l.user_id, l.sim_epoch, c.epoch
from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
where l.id = $1 and l.operator = $2 for no key update of l
"""
_OPEN = "select count(*) as open from guest_grant where line_id = $1 and revoked_at is null and expires_at > now()"
_CREATE = """
insert into guest_grant (line_id, created_by_id, scopes, token_hash, sim_epoch, contract_epoch, uses_left, created_at,
  expires_at)
values ($1, $2, $3, $4, $5, $6, $7, now(), $8) returning id
"""
_FIND = f"""
select g.id, g.line_id, l.account_id, l.msisdn, l.service_point, g.scopes, g.expires_at, g.uses_left
from guest_grant g join line l on l.id = g.line_id join personal_account a on a.id = l.account_id
join contract c on c.id = a.contract_id
where g.token_hash = $1 and l.operator = $2 and {WORKS}
"""
_TAKE = f"""
update guest_grant t set uses_left = t.uses_left - 1
from guest_grant g join line l on l.id = g.line_id join personal_account a on a.id = l.account_id
join contract c on c.id = a.contract_id
where t.id = $1 and g.id = t.id and (t.uses_left is null or t.uses_left > 0) and t.revoked_at is null and {WORKS}
returning t.id
"""
_GIVE_BACK = "update guest_grant set uses_left = uses_left + 1 where id = $1"
_REVOKE = """
update guest_grant g set revoked_at = coalesce(g.revoked_at, now())
from (select id, revoked_at from guest_grant where id = $1 for update) before, line l
where g.id = before.id and l.id = g.line_id and l.operator = $3 and (g.created_by_id = $2 or l.user_id = $2)
returning g.line_id, l.user_id, before.revoked_at is null as is_new
"""
_GUESSES = "select ends_at from counter where key = $1 and ends_at > now() and count >= $2"


@dataclass(frozen=True, slots=True)
class GrantCreated:
    """A link was made; nobody can tell again what it ends in."""

    id: int
    token: str


@dataclass(frozen=True, slots=True)
class GrantRevoked:
    """The link works no more."""

    id: int


@dataclass(frozen=True, slots=True)
class Guest:
    """What a link opens: its line, of which no more than `named` is told to anybody."""

    id: int
    line_id: int
    account_id: int
    named: str
    scopes: frozenset[Scope]
    expires_at: datetime
    uses_left: int | None


async def create(
    profile: Profile,
    viewer: Viewer,
    line_id: int,
    scopes: Collection[Scope],
    expires_at: datetime,
    max_uses: int | None,
) -> GrantCreated | InputRejected | NotFound | Forbidden:
    """Make a link to a line; whoever has it looks or pays, and needs nothing else."""
    if refused := check(scopes, expires_at, max_uses, datetime.now(UTC)):
        return refused

    async def work(connection: BaseDBAsyncClient) -> GrantCreated | NotFound | Forbidden:
        rows = await connection.execute_query_dict(_LINE, [line_id, profile.operator.id])
        if not rows:
            return _NO_LINE
        [line] = rows
        standing = await standing_to(
            connection, profile.operator.id, viewer.user_id, account_id=line["account_id"], line_id=line_id
        )
        if not (standing.holds_it or standing.holds_contract or standing.grants):
            return _NO_LINE
        ended = standing.has_ended or line["status"] in (LineStatus.TERMINATED, LineStatus.PORTED_OUT)
        if ended or not payments_seen(standing, viewer.access_level, profile, local_day(profile)):
            return _NOT_YOURS
        [row] = await connection.execute_query_dict(_OPEN, [line_id])
        if row["open"] >= MOST_OPEN:
            return _TOO_MANY
        token = new_token()
        named = [scope for scope in Scope if scope in scopes]
        told = [line_id, viewer.user_id, named, token_hash(token), line["sim_epoch"], line["epoch"], max_uses]
        [created] = await connection.execute_query_dict(_CREATE, [*told, expires_at])
        about = About(line_id=line_id, subject_id=line["user_id"])
        await audit.record(connection, viewer, "GUEST_GRANT_CREATED", about, scopes=", ".join(named))
        return GrantCreated(created["id"], token)

    return await tx(work)


async def revoke(profile: Profile, viewer: Viewer, grant_id: int) -> GrantRevoked | NotFound:
    """Let a link work no more: who made it may, and who uses the line. Again is no error."""

    async def work(connection: BaseDBAsyncClient) -> GrantRevoked | NotFound:
        rows = await connection.execute_query_dict(_REVOKE, [grant_id, viewer.user_id, profile.operator.id])
        if not rows:
            return _NO_GRANT
        if rows[0]["is_new"]:
            about = About(line_id=rows[0]["line_id"], subject_id=rows[0]["user_id"])
            await audit.record(connection, viewer, "GUEST_GRANT_REVOKED", about)
        return GrantRevoked(grant_id)

    return await tx(work)


async def find(profile: Profile, token: str, address: str | None) -> Guest | GuestGrantRejected | RateLimited:
    """What a link opens. Every one that does not work counts as a guess of its network."""
    hashed = token_hash(token)
    key = f"guest:{network_of(address) or address}"

    async def work(connection: BaseDBAsyncClient) -> Guest | GuestGrantRejected | RateLimited:
        if rows := await connection.execute_query_dict(_GUESSES, [key, GUESSES_PER_NETWORK]):
            counter.note(key, GUESSES_PER_NETWORK, _HOUR, 0, rows[0]["ends_at"])
            return RateLimited(rows[0]["ends_at"], "Too many links that do not work", ("target", "guest"))
        found = await connection.execute_query_dict(_FIND, [hashed, profile.operator.id]) if hashed else []
        if not found:
            await counter.count(connection, key, _HOUR)
            return GuestGrantRejected()
        [row] = found
        return Guest(
            id=row["id"],
            line_id=row["line_id"],
            account_id=row["account_id"],
            named=mask(row["msisdn"] or row["service_point"] or ""),
            scopes=frozenset(Scope(each) for each in row["scopes"]),
            expires_at=row["expires_at"],
            uses_left=row["uses_left"],
        )

    return await tx(work)


async def pay_through(
    connection: BaseDBAsyncClient,
    grant_id: int,
    payer_id: int,
    key: str,
    asked: str,
    begin: Callable[[BaseDBAsyncClient], Awaitable[PaymentRow | R]],
) -> PaymentRow | R | GuestGrantRejected:
    """Begin a payment by a link, which is used once for each payment, and by no refusal nor repetition."""
    # The link is locked from here on: whoever was quicker with the same key is seen now.
    is_good = bool(await connection.execute_query_dict(_TAKE, [grant_id]))
    begun = await payment_entry.find(connection, payer_id, key)
    if begun is None and not is_good:
        return GuestGrantRejected()
    outcome = begun if begun is not None else await begin(connection)
    is_new = begun is None and isinstance(outcome, PaymentRow) and outcome.asked == asked
    if is_good and not is_new:
        await connection.execute_query(_GIVE_BACK, [grant_id])
    return outcome
