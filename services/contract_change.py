"""A contract passes to another person and the SIM stays: whoever uses the number is asked again (E26)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.number_link import SuspensionReason
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import audit, outbox
from models.audit import About, TheUser
from models.database import tx
from models.rights import rights_changed
from services import link_rest

_CHANGED = Wording(
    "{operator}: the contract of your number has another holder. Whoever managed the number has to ask you again."
)

_MOVE = """
update contract c set holder_id = p.id, epoch = c.epoch + 1 from person p
where c.id = $1 and p.id = $2 and p.operator = c.operator and c.holder_id <> p.id returning c.id
"""
_NAMED = """
select a.contract_id, p.id as person_id
from line l join personal_account a on a.id = l.account_id join person p on p.operator = l.operator and p.ref = $3
where l.operator = $1 and l.msisdn = $2
"""
_ACCOUNTS = "select id from personal_account where contract_id = $1 order by id"
_SIGNER = "select id from app_user where person_id = $1 and closed_at is null"
_LINES = """
select l.id, l.user_id, l.msisdn, u.language from line l left join app_user u on u.id = l.user_id
where l.account_id = any($1::bigint[]) and l.status not in ('TERMINATED', 'PORTED_OUT')
order by l.id for no key update of l
"""
_END_GRANTS = (
    "update guest_grant set revoked_at = now() where line_id = any($1::bigint[]) and revoked_at is null",
    # The registry calls it another subscriber, and it is: the number itself has not passed to a stranger.
    "insert into sim_check (line_id, known_since) select unnest($1::bigint[]), now() "
    "on conflict (line_id) do update set known_since = now()",
)


async def pass_on(profile: Profile, msisdn: str, person: str) -> bool:
    """Make the person of that ref the holder of a number's contract; False where there is no such person or number."""

    async def work(connection: BaseDBAsyncClient) -> bool:
        found = await connection.execute_query_dict(_NAMED, [profile.operator.id, msisdn, person])
        return bool(found) and await holder_changed(connection, profile, found[0]["contract_id"], found[0]["person_id"])

    return await tx(work)


async def holder_changed(connection: BaseDBAsyncClient, profile: Profile, contract_id: int, person_id: int) -> bool:
    """Make a person the holder of a contract, in the caller's transaction; False where they are, or there is none.

    What only the holder may do moves at once; what a household may, rests.
    """
    accounts = [row["id"] for row in await connection.execute_query_dict(_ACCOUNTS, [contract_id])]
    lines = await connection.execute_query_dict(_LINES, [accounts])
    ids = [row["id"] for row in lines]
    # The holder of before is told too: afterwards nothing ties them to it.
    await rights_changed(connection, lines=ids, accounts=accounts)
    if not await connection.execute_query_dict(_MOVE, [contract_id, person_id]):
        return False
    await link_rest.rest(connection, profile, SuspensionReason.CONTRACT_CHANGED, lines=ids, accounts=accounts)
    for statement in _END_GRANTS:
        await connection.execute_query(statement, [ids])
    signers = await connection.execute_query_dict(_SIGNER, [person_id])
    for line in lines:
        # Of a SIM that nobody has a cabinet of, its new holder reads (I16).
        user_id = line["user_id"] or (signers[0]["id"] if signers else None)
        if user_id is not None:
            user = TheUser(profile.operator.id, user_id)
            await audit.record(connection, user, "CONTRACT_CHANGED", About(line_id=line["id"]))
        if line["msisdn"] is not None:
            text = _CHANGED.text(language_of(profile, line["language"]), operator=profile.operator.name)
            await outbox.enqueue(connection, profile.operator.id, "sms", {"to": line["msisdn"], "text": text})
    await rights_changed(connection, lines=ids, accounts=accounts)
    return True
