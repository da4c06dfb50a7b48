"""What members of a household, and the numbers that it manages, are told of it (SPEC 4.5). Reasons are never told."""

from collections.abc import Collection

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.household import spoken
from domain.msisdn import mask
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from models.leaving import Gone
from services.household_row import HouseholdRow, MemberRow

_LEFT = Wording("{operator}: {name} is no longer in the household {household}.")
_REMOVED = Wording("{operator}: you are no longer in the household {household}.")
_UNLINKED = Wording("{operator}: number {number} is not linked to your household any more.")
_UNMANAGED = Wording("{operator}: {household} does not manage your number any more.")
_NOT_ASKED = Wording("{operator}: the request to manage your number is not valid any more. Tell the code to nobody.")
_JOINED = Wording("{operator}: {name} is in the household {household} now.")
_ROLE = Wording("{operator}: your role in the household {household} was changed.")
_DISSOLVING = Wording("{operator}: the household {household} may be dissolved from {date} on.")
_DISSOLVED = Wording("{operator}: the household {household} was dissolved.")

_USERS = """
select u.language,
  (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn,
  (select c.value from contact c where c.user_id = u.id and c.kind = 'EMAIL' and c.verified_at is not null
   order by c.id limit 1) as email
from app_user u where u.id = any($1::bigint[]) order by u.id
"""
_NUMBERS = """
select l.msisdn, u.language from line l left join app_user u on u.id = l.user_id
where l.id = any($1::bigint[]) and l.msisdn is not null order by l.id
"""


async def tell(
    connection: BaseDBAsyncClient,
    profile: Profile,
    user_ids: Collection[int],
    said: Wording,
    *,
    dedup: str | None = None,
    **values: str,
) -> None:
    """Tell users by SMS, by e-mail who has no number; with `dedup` once only, however often it is said."""
    operator = profile.operator
    for place, user in enumerate(await connection.execute_query_dict(_USERS, [list(user_ids)])):
        text = said.text(language_of(profile, user["language"]), operator=operator.name, **values)
        key = None if dedup is None else f"{dedup}:{place}"
        if user["msisdn"]:
            await outbox.enqueue(connection, operator.id, "sms", {"to": user["msisdn"], "text": text}, dedup=key)
        elif user["email"]:
            letter = {"to": user["email"], "subject": operator.name, "text": text}
            await outbox.enqueue(connection, operator.id, "email", letter, dedup=key)


async def tell_numbers(
    connection: BaseDBAsyncClient, profile: Profile, line_ids: Collection[int], said: Wording, **values: str
) -> None:
    """Tell numbers, whoever uses them."""
    for line in await connection.execute_query_dict(_NUMBERS, [list(line_ids)]):
        text = said.text(language_of(profile, line["language"]), operator=profile.operator.name, **values)
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": line["msisdn"], "text": text})


async def gone(
    connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, member: MemberRow, went: Gone, *, by: int
) -> None:
    """Somebody left, or was removed by `by`: the owner hears of it, they themselves, and who was asked for a link."""
    named = {"name": spoken(member.display_name), "household": household.name}
    if by != household.owner.user_id:
        await tell(connection, profile, [household.owner.user_id], _LEFT, **named)
    if by != member.user_id:
        await tell(connection, profile, [member.user_id], _REMOVED, household=household.name)
    await tell_numbers(connection, profile, went.asked_lines, _NOT_ASKED)


async def gone_in_silence(connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, went: Gone) -> None:
    """Somebody left and wants no word of it: the owner hears of their numbers alone (E34)."""
    for each in went.unlinked:
        await tell(connection, profile, [household.owner.user_id], _UNLINKED, number=mask(each.named))
    await tell_numbers(connection, profile, went.asked_lines, _NOT_ASKED)


async def joined(connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, name: str) -> None:
    """Somebody accepted an invitation: the owner hears of it."""
    values = {"name": spoken(name), "household": household.name}
    await tell(connection, profile, [household.owner.user_id], _JOINED, **values)


async def role_changed(
    connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, member: MemberRow
) -> None:
    """A member may do something else from now on."""
    await tell(connection, profile, [member.user_id], _ROLE, household=household.name)


async def dissolving(
    connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, others: Collection[int], date: str
) -> None:
    """Everybody has time to leave with what is theirs."""
    await tell(connection, profile, others, _DISSOLVING, household=household.name, date=date)


async def dissolved(
    connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, others: Collection[int], went: Gone
) -> None:
    """It is over, for its members and for the numbers that it managed."""
    members = {member.user_id for member in household.members}
    await tell(connection, profile, others, _DISSOLVED, household=household.name)
    strangers = [each.line_id for each in went.unlinked if each.line_id is not None and each.user_id not in members]
    await tell_numbers(connection, profile, strangers, _UNMANAGED, household=household.name)
    await tell_numbers(connection, profile, went.asked_lines, _NOT_ASKED)
