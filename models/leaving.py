"""How somebody's place in a household ends, whatever ends it: leaving, removal, dissolution, or the end of a cabinet.

The caller holds the household's row. Own lines leave with the person, money and debts stay where they are (I12), and
automatic payments to which nobody has a right any more stop in the same transaction (E31).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from models import audit
from models.audit import About, Actor
from models.entitlement import stop_unentitled
from models.household import MembershipStatus
from models.notify import notify
from models.pool import shares_end
from models.rights import rights_changed

_END = """
update membership set status = $3, ended_at = now(), is_successor = false
where household_id = $1 and user_id = $2 and status = 'ACTIVE' returning id, role
"""
# What the user holds: their lines, and what no person holds of contracts of theirs (internet, television).
_REVOKE = """
update number_link nl set status = 'REVOKED', primary_slot = null, account_slot = null, suspended_reason = null,
  ended_at = now()
where nl.household_id = $1 and nl.status in ('PENDING', 'ACTIVE', 'SUSPENDED') and ($2::bigint is null
  or nl.line_id in (select id from line where user_id = $2)
  or nl.line_id in (
    select l.id from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
    join app_user u on u.person_id = c.holder_id where u.id = $2 and l.user_id is null and l.kind <> 'MOBILE')
  or nl.account_id in (
    select a.id from personal_account a join contract c on c.id = a.contract_id
    join app_user u on u.person_id = c.holder_id where u.id = $2))
returning nl.line_id, nl.account_id, (
  select coalesce(l.msisdn, l.service_point) from line l where l.id = nl.line_id) as number, (
  select a.number from personal_account a where a.id = nl.account_id) as account, (
  select l.user_id from line l where l.id = nl.line_id) as user_id
"""
# Who of the household pays automatically for what it, or the one who goes, had to do with.
_PAYING = """
with tied as (
  select coalesce(nl.account_id, l.account_id) as id from number_link nl left join line l on l.id = nl.line_id
  where nl.household_id = $1
  union select l.account_id from line l join membership m on m.user_id = l.user_id where m.household_id = $1
)
select distinct r.user_id, r.account_id, r.line_id
from autopay_rule r join membership m on m.user_id = r.user_id and m.household_id = $1
where r.active and r.account_id in (select id from tied) and (m.status = 'ACTIVE' or m.user_id = any($2::bigint[]))
"""
_CLOSE_QUESTIONS = """
update approval_request set status = 'CANCELLED', resolved_at = now()
where household_id = $1 and status = 'PENDING' and ($2::bigint is null or requested_by_id = $2
  or line_id in (select id from line where user_id = $2)) returning id
"""
# Whom whoever goes has asked for a link for the household, and who has not answered: their codes are refused by now,
# since only members make links, and they hear of it (E18).
_ASKED = """
select distinct line_id from link_request
where household_id = $1 and ($2::bigint is null or requester_id = $2) and status = 'PENDING' and expires_at > now()
  and line_id is not null
"""
_CANCEL_TRANSFER = """
update ownership_transfer t set cancelled_at = now() from membership m
where t.household_id = $1 and t.done_at is null and t.cancelled_at is null
  and m.id in (t.from_member_id, t.to_member_id)
  and ($2::bigint is null or m.user_id = $2)
"""
# What an owner laid down for a child holds as long as somebody looks after the child; own limits stay.
_POLICIES_FALL = (
    "delete from child_policy where line_id in (select id from line where user_id = $1)",
    """delete from usage_limit where set_by_id is distinct from $1
       and line_id in (select id from line where user_id = $1)""",
)
_DISSOLVE = "update household set dissolved_at = now(), dissolves_at = null where id = $1"
_CANCEL_INVITATIONS = """
update invitation set status = 'CANCELLED', resolved_at = now() where household_id = $1 and status = 'PENDING'
"""
_MEMBERS = "select user_id from membership where household_id = $1 and status = 'ACTIVE' order by id"


@dataclass(frozen=True, slots=True)
class Unlinked:
    """A number or account that the household does not look after any more; `user_id` uses it, where somebody does."""

    line_id: int | None
    account_id: int | None
    named: str
    user_id: int | None


@dataclass(frozen=True, slots=True)
class Gone:
    """What went with a membership; `asked_lines` are those whose users had been asked for a link (E18)."""

    unlinked: tuple[Unlinked, ...] = ()
    asked_lines: tuple[int, ...] = ()


async def leave(
    connection: BaseDBAsyncClient,
    profile: Profile,
    actor: Actor,
    household_id: int,
    user_id: int,
    status: MembershipStatus,
    *,
    silent: bool = False,
) -> Gone:
    """End one membership. Of who leaves in silence the household's log tells no more than the lines (E34)."""
    ended = await connection.execute_query_dict(_END, [household_id, user_id, status])
    unlinked = await _revoke(connection, actor, household_id, user_id)
    gone = Gone(unlinked, await _loose_ends(connection, household_id, user_id))
    if ended and ended[0]["role"] == "CHILD":
        await policies_fall(connection, user_id)
    await shares_end(connection, household_id, user_id)
    await stop_autopay(connection, profile, household_id, [user_id])
    action = "MEMBER_LEFT" if status is MembershipStatus.LEFT else "MEMBER_REMOVED"
    role = ended[0]["role"] if ended else None
    about = About() if silent else About(household_id=household_id, subject_id=user_id)
    await audit.record(connection, actor, action, about, role=role)
    await rights_changed(
        connection, households=[household_id], lines=[each.line_id for each in unlinked if each.line_id is not None]
    )
    return gone


async def dissolve(connection: BaseDBAsyncClient, profile: Profile, actor: Actor, household_id: int) -> Gone:
    """End a household and every membership in it."""
    members = [row["user_id"] for row in await connection.execute_query_dict(_MEMBERS, [household_id])]
    # First of all, since a household that is there has an owner (I1).
    await connection.execute_query(_DISSOLVE, [household_id])
    for user_id in members:
        [ended] = await connection.execute_query_dict(_END, [household_id, user_id, MembershipStatus.LEFT])
        if ended["role"] == "CHILD":
            await policies_fall(connection, user_id)
    gone = Gone(await _revoke(connection, actor, household_id, None), await _loose_ends(connection, household_id, None))
    await connection.execute_query(_CANCEL_INVITATIONS, [household_id])
    await shares_end(connection, household_id, None)
    await stop_autopay(connection, profile, household_id, members)
    await audit.record(connection, actor, "HOUSEHOLD_DISSOLVED", About(household_id=household_id))
    await rights_changed(
        connection,
        households=[household_id],
        lines=[each.line_id for each in gone.unlinked if each.line_id is not None],
    )
    return gone


async def policies_fall(connection: BaseDBAsyncClient, user_id: int) -> None:
    """Forget what was laid down for a child: it is one no longer, or not in that family."""
    for statement in _POLICIES_FALL:
        await connection.execute_query(statement, [user_id])


async def stop_autopay(
    connection: BaseDBAsyncClient, profile: Profile, household_id: int, gone: Sequence[int] = ()
) -> None:
    """Stop what members, and those who have just gone, pay without a right to it; who may by another way goes on."""
    for rule in await connection.execute_query_dict(_PAYING, [household_id, list(gone)]):
        await stop_unentitled(
            connection,
            profile,
            [rule["user_id"]],
            account_id=rule["account_id"],
            line_id=rule["line_id"],
            because="HOUSEHOLD_LEFT",
        )


async def _revoke(
    connection: BaseDBAsyncClient, actor: Actor, household_id: int, user_id: int | None
) -> tuple[Unlinked, ...]:
    rows = await connection.execute_query_dict(_REVOKE, [household_id, user_id])
    unlinked = tuple(
        Unlinked(row["line_id"], row["account_id"], row["number"] or row["account"], row["user_id"]) for row in rows
    )
    for each in unlinked:
        about = About(line_id=each.line_id, household_id=household_id, subject_id=each.user_id)
        await audit.record(connection, actor, "LINK_REVOKED", about, number=each.named[-4:])
    return unlinked


async def _loose_ends(connection: BaseDBAsyncClient, household_id: int, user_id: int | None) -> tuple[int, ...]:
    """Close what was begun and not finished: questions and transfers. Gives the lines that were asked for links."""
    if await connection.execute_query_dict(_CLOSE_QUESTIONS, [household_id, user_id]):
        await notify(connection, f"approval:{household_id}")
    await connection.execute_query(_CANCEL_TRANSFER, [household_id, user_id])
    return tuple(row["line_id"] for row in await connection.execute_query_dict(_ASKED, [household_id, user_id]))
