"""A cabinet of one's own, by a code to the number of a SIM that has none yet (F010)."""

from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, lockout, passwords
from auth.cabinet_end import NoEntry
from auth.challenge import Challenge, CodeAccepted, CodeRequest
from auth.new_cabinet import LoginLost, free_line, open_for_line
from auth.password_change import rejected
from auth.registration import disabled
from auth.sign_in import Caller, SignedIn, accepted_numbers, let_in
from domain.challenge import DeliveryStatus
from domain.email import normalize_email
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import (
    CodeRejected,
    CredentialsRejected,
    FeatureDisabled,
    InputRejected,
    PasswordRejected,
    RateLimited,
)
from domain.sign_in import LoginMethod
from domain.wording import Wording, language_of
from models import outbox
from models.challenge import ChallengePurpose
from models.database import tx

_HAVE_ONE = Wording("{operator}: you have an account already. If you forgot its password, set a new one.")

# Long enough for every code of it, and for none of another day.
_ASK = """
insert into registration (operator, email, msisdn, password_hash, created_at, expires_at)
values ($1, $2, $3, $4, now(), now() + interval '1 hour') returning id
"""
_TAKEN = """
select u.language from login l join app_user u on u.id = l.user_id
where l.operator = $1 and l.kind = 'MSISDN' and l.value = $2
"""
# A second form within the resend pause is the one that counts, and the code of the first opens it.
_LATEST = "update challenge set subject = $2 where id = $1 returning sent"
_STORED = """
select r.password_hash from challenge c join registration r on r.id = c.subject
where c.id = $1 and c.operator = $2 and c.purpose = 'REGISTER'
"""
_CONFIRM = """
update registration set confirmed_at = now()
where id = $1 and operator = $2 and confirmed_at is null and expires_at > now()
returning email, msisdn, password_hash
"""


async def register(
    profile: Profile,
    secret: bytes,
    typed: str,
    email: str | None,
    password: str,
    caller: Caller,
    *,
    accept_terms: bool,
) -> Challenge | FeatureDisabled | InputRejected | PasswordRejected | RateLimited:
    """Send a code to the number; the answer is the same for every number (I11).

    Only the SIM of a line that nobody has a cabinet of gets one. Who has a cabinet is told so by SMS.
    """
    if refused := disabled(profile, LoginMethod.SMS_CODE):
        return refused
    msisdn = normalize(typed, profile)
    if msisdn is None:
        return InputRejected(accepted_numbers(profile), ("msisdn",))
    address = normalize_email(email) if email is not None else None
    if address is None and (email is not None or profile.auth.registration_requires_email):
        return InputRejected("Give an e-mail address such as anna@example.org", ("email",))
    if not accept_terms:
        return InputRejected("The terms have to be accepted", ("acceptTerms",))
    if weak := rejected(password, profile, [msisdn, address or ""]):
        return PasswordRejected(weak.code, weak.message, ("password",))
    password_hash = await passwords.make(password)
    operator = profile.operator.id

    async def ask(connection: BaseDBAsyncClient) -> Challenge | RateLimited:
        [asked] = await connection.execute_query_dict(_ASK, [operator, address, msisdn, password_hash])
        free = await free_line(connection, profile, msisdn) is not None
        taken = await connection.execute_query_dict(_TAKEN, [operator, msisdn])
        wanted = CodeRequest(
            ChallengePurpose.REGISTER,
            msisdn,
            None,
            caller.initiator,
            subject=asked["id"],
            decoy=not free,
            network=lockout.network_of(caller.address),
        )
        outcome = await challenge.request(connection, profile, secret, wanted)
        if isinstance(outcome, Challenge):
            [latest] = await connection.execute_query_dict(_LATEST, [outcome.id, wanted.subject])
            if outcome.delivery_status is DeliveryStatus.QUEUED:
                language = language_of(profile, taken[0]["language"] if taken else None)
                text = _HAVE_ONE.text(language, operator=profile.operator.name)
                # The message takes the place of the code, so it goes only where a code would: under the same limits.
                kind = "sms" if taken and latest["sent"] else "void"
                await outbox.enqueue(connection, operator, kind, {"to": msisdn, "text": text})
        return outcome

    return await tx(ask)


async def confirm(
    profile: Profile, secret: bytes, challenge_id: UUID, code: str, password: str, caller: Caller
) -> SignedIn | NoEntry | CodeRejected | FeatureDisabled:
    """Give the code: the cabinet is made, and its user signed in. A wrong password costs no try of the code."""
    if refused := disabled(profile, LoginMethod.SMS_CODE):
        return refused
    operator = profile.operator.id

    async def find(connection: BaseDBAsyncClient) -> str | None:
        rows = await connection.execute_query_dict(_STORED, [challenge_id, operator])
        return rows[0]["password_hash"] if rows else None

    # A number that nothing can be opened for has a form too: whoever filled it in learns no more by a wrong password.
    stored = await tx(find)
    right = await passwords.verify(stored, password[: passwords.LONGEST])
    if stored is not None and not right:
        return CredentialsRejected(message="The password is not the one that was chosen", field=("password",))

    async def make(connection: BaseDBAsyncClient) -> SignedIn | NoEntry | CodeRejected:
        outcome = await challenge.confirm(connection, profile, secret, ChallengePurpose.REGISTER, challenge_id, code)
        if not isinstance(outcome, CodeAccepted):
            return outcome
        rows = await connection.execute_query_dict(_CONFIRM, [outcome.subject, operator])
        line_id = await free_line(connection, profile, outcome.target) if rows else None
        if line_id is None:
            return challenge.used_up()
        user_id = await open_for_line(
            connection, profile, line_id, password_hash=rows[0]["password_hash"], email=rows[0]["email"]
        )
        if user_id is None:
            return challenge.used_up()
        return await let_in(connection, profile, user_id, LoginMethod.SMS_CODE, caller)

    try:
        return await tx(make)
    except LoginLost:
        return challenge.used_up()
