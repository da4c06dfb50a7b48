"""Who is told that a link has ended, or of its narrower scopes. Reasons are neither asked for nor told (SPEC 4.5)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import Scope
from domain.consent import scope_set
from domain.msisdn import mask
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from services.link_row import LinkRow

_TO_NUMBER = Wording("{operator}: {household} does not manage your number any more.")
_TO_HOUSEHOLD = Wording("{operator}: number {number} is not linked to your household any more.")
_RESTS = Wording(
    "{operator}: number {number} rests in your household: its user has to agree again, ask with a new request."
)
_CHANGED = Wording("{operator}: {household} may now do this with your number: {scopes}. To end it, reply {keyword}.")

_HOUSEHOLD = "select name from household where id = $1"
_NUMBER_USER = "select u.language from line l left join app_user u on u.id = l.user_id where l.id = $1"
# The owner, and who had asked for the link, those of them who still are members.
_MANAGERS = """
select distinct u.id, u.language,
  (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn
from membership m join app_user u on u.id = m.user_id
where m.household_id = $1 and m.status = 'ACTIVE' and (m.role = 'OWNER' or m.user_id = $2)
"""


async def ended(
    connection: BaseDBAsyncClient, profile: Profile, link: LinkRow, *, by: int, silent: bool = False
) -> None:
    """Tell the number and the household, all of them but `by`, who did it; in silence only the household."""
    if not silent:
        await _to_number(connection, profile, link, _TO_NUMBER)
    await _to_household(connection, profile, link, _TO_HOUSEHOLD, but=by)


async def rests(connection: BaseDBAsyncClient, profile: Profile, link: LinkRow) -> None:
    """Tell the household that the link waits for a new consent; the number is told of the cause elsewhere."""
    await _to_household(connection, profile, link, _RESTS, but=None)


async def _to_household(
    connection: BaseDBAsyncClient, profile: Profile, link: LinkRow, said: Wording, *, but: int | None
) -> None:
    for row in await connection.execute_query_dict(_MANAGERS, [link.household_id, link.requester_id]):
        if row["msisdn"] and row["id"] != but:
            language = language_of(profile, row["language"])
            text = said.text(language, operator=profile.operator.name, number=mask(link.target))
            await outbox.enqueue(connection, profile.operator.id, "sms", {"to": row["msisdn"], "text": text})


async def changed(connection: BaseDBAsyncClient, profile: Profile, link: LinkRow, scopes: frozenset[Scope]) -> None:
    """Tell the number what the household may do from now on."""
    await _to_number(connection, profile, link, _CHANGED, scopes)


async def _to_number(
    connection: BaseDBAsyncClient,
    profile: Profile,
    link: LinkRow,
    said: Wording,
    scopes: frozenset[Scope] = frozenset(),
) -> None:
    """An SMS to the number itself, whoever uses it; a line without one is not told."""
    if link.msisdn is None:
        return
    [household] = await connection.execute_query_dict(_HOUSEHOLD, [link.household_id])
    [user] = await connection.execute_query_dict(_NUMBER_USER, [link.line_id])
    language = language_of(profile, user["language"])
    text = said.text(
        language,
        operator=profile.operator.name,
        household=household["name"],
        scopes=scope_set(language, scopes),
        keyword=profile.linking.revoke_sms_keyword,
    )
    await outbox.enqueue(connection, profile.operator.id, "sms", {"to": link.msisdn, "text": text})
