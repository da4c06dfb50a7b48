"""Blocking a line and ending the block (F121–F125, E63, E64). Money stays where it is; rights and links too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope, Standing, scopes, unblocks
from domain.features import feature
from domain.ledger import InsufficientFunds, LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, personal
from domain.line import BlockReason, LineStatus
from domain.line_block_refusals import (
    BlockUnpaid,
    LineBlocked,
    LineBlockRefusal,
    LineNotBlocked,
    OnlyContractHolder,
)
from domain.money import Money
from domain.profile import Profile
from domain.refusals import FeatureDisabled, Forbidden, InputRejected, NotFound, OfficeRequired, StepUpRequired
from models import audit
from models.audit import About, TheUser
from models.database import tx
from models.notify import notify
from models.rights import rights_changed
from models.standing import standing_to
from services import fees, ledger, line_block_notice, line_row, number_codes
from services.line_row import LineHeld

MOST_BLOCKS_UNDONE = 2
"""How many blocks of a household's a number's user undoes before the household blocks it no more (E63)."""

# What the office asks for before it gives another SIM (F122).
_PAPERS = ("an identity document",)

_LOST = frozenset({BlockReason.LOST, BlockReason.STOLEN})
_BLOCKABLE = frozenset({LineStatus.ACTIVE, LineStatus.SUSPENDED_NONPAYMENT})
_REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)

_BLOCK = """
update line set status = 'BLOCKED_BY_USER', block_reason = $2, blocked_at = now(), blocked_by_id = $3,
  blocked_until = $4
where id = $1
"""
# A tariff that could not be paid meanwhile waits for its money, as it would have.
_UNBLOCK = """
update line l set block_reason = null, blocked_at = null, blocked_by_id = null, blocked_until = null,
  status = case when exists (
    select from tariff_subscription s where s.line_id = l.id and s.unpaid_since is not null)
    then 'SUSPENDED_NONPAYMENT' else 'ACTIVE' end
where l.id = $1
"""
# The session that says so stays, to be able to take it back.
_END_SESSIONS = (
    "update session set revoked_at = now() where user_id = $1 and id <> $2 and revoked_at is null",
    """
update refresh_token set revoked_at = now()
where user_id = $1 and revoked_at is null
  and family is distinct from (select family from session where id = $2 and user_id = $1)
""",
)
# The links by which whoever blocked it may do so.
_UNDONE = """
update number_link nl set blocks_undone = blocks_undone + 1,
  scopes = case when blocks_undone + 1 >= $3 then array_remove(scopes, 'BLOCK') else scopes end
from membership m
where nl.line_id = $1 and nl.status = 'ACTIVE' and 'BLOCK' = any(nl.scopes)
  and m.household_id = nl.household_id and m.user_id = $2 and m.status = 'ACTIVE'
returning nl.household_id, 'BLOCK' = any(nl.scopes) as may_still
"""
_DUE = """
select id from line where operator = $1 and blocked_until <= now() order by blocked_until limit 100
"""
_IS_DUE = "select blocked_until <= now() as due from line where id = $1"
_LINE = "select account_id from line where id = $1 and operator = $2"


@dataclass(frozen=True, slots=True)
class LineChanged:
    """The line is as it was asked to be."""

    line_id: int


Refused = NotFound | Forbidden | InputRejected | FeatureDisabled | StepUpRequired | LineBlockRefusal

_NO_LINE = NotFound("There is no such line", ("lineId",))


async def block(
    profile: Profile, viewer: Viewer, line_id: int, reason: BlockReason, until: datetime | None
) -> LineChanged | Refused:
    """Block a line at once: calls, SMS and data stop, and what it costs to have it does where the profile says so.

    With a lost SIM the number proves nobody any more: its codes are void, and none is sent (E64). `until` is for
    those who go away.
    """
    if refused := _off(profile, "blocking.self_block"):
        return refused
    if until is not None and (reason in _LOST or until <= datetime.now(UTC)):
        return InputRejected("A block ends by itself on a day to come, and only for VACATION", ("until",))

    async def work(connection: BaseDBAsyncClient) -> LineChanged | Refused:
        held = await _hold(connection, profile, viewer, line_id)
        if not isinstance(held, _Held):
            return held
        line, standing = held.line, held.standing
        if line.status not in _BLOCKABLE:
            return LineBlocked()
        # Nobody waits for money while a thief makes calls.
        if reason not in _LOST and (unpaid := await _charge(connection, profile, line)):
            return unpaid
        await connection.execute_query(_BLOCK, [line.id, reason, viewer.user_id, until])
        if reason in _LOST:
            await _cut_off(connection, profile, viewer, line, standing)
        about = About(line_id=line.id, subject_id=_other(line.user_id, viewer.user_id))
        until_told = until.isoformat() if until is not None else None
        await audit.record(connection, viewer, "LINE_BLOCKED", about, reason=reason, until=until_told)
        await line_block_notice.blocked(connection, profile, line, by=viewer.user_id)
        await rights_changed(connection, lines=[line.id])
        return LineChanged(line.id)

    return await tx(work)


async def unblock(profile: Profile, viewer: Viewer, line_id: int) -> LineChanged | Refused:
    """End a block, with a fresh proof: who uses the line, who holds its contract, or an owner who may block it (4.4).

    What the operator suspended stays so. A household whose blocks the user undoes twice blocks no more (E63).
    """

    async def work(connection: BaseDBAsyncClient) -> LineChanged | Refused:
        held = await _hold(connection, profile, viewer, line_id)
        if not isinstance(held, _Held):
            return held
        line, standing = held.line, held.standing
        if line.status is not LineStatus.BLOCKED_BY_USER:
            return LineNotBlocked()
        if profile.blocking.office_and_id_for_lost_sim and line.block_reason in _LOST:
            return OfficeRequired(_PAPERS, field=("lineId",))
        if refused := _off(profile, "blocking.self_unblock"):
            return refused
        if not unblocks(standing, viewer.access_level, profile, _today(profile)):
            return Forbidden("You may block this line, and its user or the household's owner unblocks it", ("lineId",))
        if not viewer.stepped_up:
            return StepUpRequired()
        if standing.holds_it and line.blocked_by_id not in (None, viewer.user_id):
            await _undo(connection, viewer, line, line.blocked_by_id)
        about = About(line_id=line.id, subject_id=_other(line.user_id, viewer.user_id))
        await audit.record(connection, viewer, "LINE_UNBLOCKED", about)
        await _end(connection, profile, line)
        return LineChanged(line.id)

    return await tx(work)


async def end_due(profiles: Mapping[str, Profile]) -> None:
    """End the blocks whose day has come."""
    for profile in profiles.values():
        rows = await tx(partial(_due, profile))
        for line_id in rows:
            await tx(partial(_end_due, profile, line_id))


async def _due(profile: Profile, connection: BaseDBAsyncClient) -> list[int]:
    return [row["id"] for row in await connection.execute_query_dict(_DUE, [profile.operator.id])]


async def _end_due(profile: Profile, line_id: int, connection: BaseDBAsyncClient) -> None:
    line = await line_row.hold(connection, line_id)
    [row] = await connection.execute_query_dict(_IS_DUE, [line_id])
    if line is None or line.status is not LineStatus.BLOCKED_BY_USER or not row["due"]:
        return
    if line.user_id is not None:
        user = TheUser(profile.operator.id, line.user_id)
        await audit.record(connection, user, "LINE_UNBLOCKED", About(line_id=line.id), because="UNTIL")
    await _end(connection, profile, line)


@dataclass(frozen=True, slots=True)
class _Held:
    line: LineHeld
    standing: Standing


async def _hold(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int
) -> "_Held | NotFound | Forbidden | OnlyContractHolder":
    """The line, locked, where the viewer has BLOCK over it; unknown and foreign ones are told alike."""
    found = await connection.execute_query_dict(_LINE, [line_id, profile.operator.id])
    line = await line_row.hold(connection, line_id) if found else None
    if line is None:
        return _NO_LINE
    operator = profile.operator.id
    standing = await standing_to(connection, operator, viewer.user_id, account_id=line.account_id, line_id=line.id)
    today = _today(profile)
    rights = scopes(standing, viewer.access_level, profile, today)
    if not rights:
        return _NO_LINE
    if Scope.BLOCK in rights:
        return _Held(line, standing)
    if profile.blocking.contract_holder_only and not standing.holds_contract:
        return OnlyContractHolder()
    return Forbidden("You may not block this line", ("lineId",))


async def _charge(connection: BaseDBAsyncClient, profile: Profile, line: LineHeld) -> BlockUnpaid | None:
    """Post what a block costs (F125). The line is held, so the moment is its name: no two are at once."""
    price = Money.from_decimal(profile.blocking.fee, profile.operator.currency)
    if not price.minor:
        return None
    key = f"block:{line.id}:{datetime.now(UTC).isoformat()}"
    fee = Transfer.between(profile.operator.id, TransferKind.FEE, key, personal(line.account_id), _REVENUE, price)
    if isinstance(await ledger.post(connection, fee), InsufficientFunds):
        return BlockUnpaid(price)
    return None


async def _cut_off(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line: LineHeld, standing: Standing
) -> None:
    """Take from whoever has the telephone what the number proved, and the cabinet where the profile locks it."""
    if line.msisdn is not None:
        await number_codes.void(connection, line.operator, line.msisdn)
    by_right = standing.holds_it or standing.holds_contract
    if line.user_id is None or not by_right or not profile.blocking.also_locks_cabinet:
        return
    for statement in _END_SESSIONS:
        await connection.execute_query(statement, [line.user_id, viewer.session_id])
    await notify(connection, f"session:{line.user_id}")


async def _undo(connection: BaseDBAsyncClient, viewer: Viewer, line: LineHeld, blocked_by: int | None) -> None:
    """Count a block that the number's user undoes, and take the right from who blocks against their will."""
    rows = await connection.execute_query_dict(_UNDONE, [line.id, blocked_by, MOST_BLOCKS_UNDONE])
    for row in rows:
        if not row["may_still"]:
            about = About(line_id=line.id, household_id=row["household_id"], subject_id=blocked_by)
            await audit.record(connection, viewer, "BLOCK_RIGHT_LOST", about)
            await rights_changed(connection, households=[row["household_id"]], lines=[line.id])


async def _end(connection: BaseDBAsyncClient, profile: Profile, line: LineHeld) -> None:
    """The line works again, with what it can pay for."""
    await connection.execute_query(_UNBLOCK, [line.id])
    await fees.resume(connection, profile, line.account_id)
    await line_block_notice.unblocked(connection, profile, line)
    await rights_changed(connection, lines=[line.id])


def _off(profile: Profile, key: str) -> FeatureDisabled | None:
    flag = feature(profile, key)
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")


def _other(user_id: int | None, actor_id: int) -> int | None:
    return user_id if user_id != actor_id else None


def _today(profile: Profile) -> date:
    return datetime.now(profile.operator.zone).date()
