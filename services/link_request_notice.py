"""Who is told of a new link: both sides at once, and the number once more a day later (SPEC 4.5, E15, E18)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.link_code import Target
from domain.access import NOBODY, Scope
from domain.consent import scope_set
from domain.link_request import LOOKING_AND_PAYING
from domain.msisdn import mask
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from services.link_agreement import Agreement

_TO_NUMBER = Wording("{operator}: from now on {requester} manages your number: {scopes}. To end it, reply {keyword}.")
_TO_REQUESTER = Wording("{operator}: number {number} is linked to your household.")
_REMINDER = Wording(
    "{operator}: yesterday you let {requester} manage your number: {scopes}. If it was not your wish, reply {keyword}."
)
_VOID = Wording("{operator}: {requester} may not ask for your number any more. Nothing was linked.")

_DAY = 86_400.0
_SPEAKS = "select language from app_user where id = $1"
_REQUESTER = """
select u.language,
  (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn
from app_user u where u.id = $1
"""


async def made(
    connection: BaseDBAsyncClient, profile: Profile, agreed: Agreement, found: Target, link_id: int, *, is_new: bool
) -> None:
    """Tell the number who manages it and how to end it, and whoever asked that they do.

    What goes beyond looking and paying is told to the number again a day later, when nobody stands beside its user.
    """
    await _to_number(connection, profile, found, _TO_NUMBER, agreed.requester, agreed.scopes)
    [row] = await connection.execute_query_dict(_REQUESTER, [agreed.requester_id])
    if row["msisdn"]:
        language = language_of(profile, row["language"])
        text = _TO_REQUESTER.text(language, operator=profile.operator.name, number=mask(agreed.target))
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": row["msisdn"], "text": text})
    if is_new and not LOOKING_AND_PAYING.issuperset(agreed.scopes):
        await _to_number(connection, profile, found, _REMINDER, agreed.requester, agreed.scopes, about_link=link_id)


async def void(connection: BaseDBAsyncClient, profile: Profile, found: Target, requester: str) -> None:
    """Tell the number that whoever had its code may not use it (E18)."""
    await _to_number(connection, profile, found, _VOID, requester, ())


async def _to_number(
    connection: BaseDBAsyncClient,
    profile: Profile,
    found: Target,
    said: Wording,
    requester: str,
    scopes: tuple[Scope, ...],
    *,
    about_link: int | None = None,
) -> None:
    if found.address is None:
        return
    rows = await connection.execute_query_dict(_SPEAKS, [found.answers_id or NOBODY])
    language = language_of(profile, rows[0]["language"] if rows else None)
    text = said.text(
        language,
        operator=profile.operator.name,
        requester=requester,
        scopes=scope_set(language, scopes),
        keyword=profile.linking.revoke_sms_keyword,
    )
    # A child whom others answer for reads it too (I13).
    for address in dict.fromkeys(each for each in (found.address, found.msisdn) if each is not None):
        await outbox.enqueue(
            connection,
            profile.operator.id,
            "sms",
            {"to": address, "text": text},
            dedup=None if about_link is None else f"link:{about_link}:next_day:{address}",
            delay_seconds=0.0 if about_link is None else _DAY,
        )
