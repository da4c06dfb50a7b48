"""Links by a password: of the number's own cabinet (F041), or from the installer for an account without a SIM (E41)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, link_code, sign_in
from auth.link_code import Target
from auth.session import Viewer
from auth.sign_in import PasswordProven
from domain.access import LinkKind, Scope
from domain.consent import consent_text, requester_words
from domain.features import feature
from domain.household_refusals import OwnerAbsent
from domain.link_request import beyond_password, read_scopes
from domain.link_request_refusals import LinkChoice, NumberAlreadyLinked
from domain.msisdn import normalize
from domain.number_link import ConsentMethod
from domain.number_link_refusals import ConsentRequired
from domain.profile import Profile
from domain.refusals import CredentialsRejected, FeatureDisabled, Forbidden, InputRejected, LockedOut, NotFound
from domain.wording import language_of
from models.database import tx
from services import link_making, link_request
from services.link_agreement import Agreement
from services.link_making import LinkMade, Lost

_REQUESTER = """
select u.display_name, p.birth_date,
  (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn,
  (select o.language from app_user o where o.id = $2) as language
from app_user u join person p on p.id = u.person_id where u.id = $1 for no key update of u
"""
_ONLY_BY_SIM = ConsentRequired("TARIFF, AUTOPAY and DETAILS need a code to the number: `requestNumberLink`")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for with a password; `login` as it was typed, for an account its number."""

    login: str
    password: str
    scopes: frozenset[Scope]
    kind: LinkKind = LinkKind.PRIMARY
    is_account: bool = False


Refused = link_making.Refused | link_request.Refused | CredentialsRejected | LockedOut


async def link(
    profile: Profile, secret: bytes, viewer: Viewer, wanted: Wanted, address: str | None
) -> LinkMade | Refused:
    """Link what the password opens; guesses count as at the door, and whoever holds it is told (SPEC 4.5)."""
    if refused := _refuses(profile, viewer, wanted):
        return refused
    scopes = read_scopes(profile, wanted.scopes, wanted.kind)
    if not isinstance(scopes, tuple):
        return scopes
    if beyond_password(wanted.scopes):
        return _ONLY_BY_SIM
    proven = await sign_in.prove(profile, secret, wanted.login, wanted.password, address)
    if not isinstance(proven, PasswordProven):
        return proven
    owner_id = proven.known.user_id

    async def make(connection: BaseDBAsyncClient) -> LinkMade | Refused:
        if not await sign_in.takes(connection, profile, proven):
            return CredentialsRejected()
        found, target = await _find(connection, profile, wanted)
        if found is None or owner_id != (found.holder_id if wanted.is_account else found.user_id):
            return NotFound("There is nothing to link under this login", ("login",))
        if owner_id == viewer.user_id:
            return InputRejected("This is in your cabinet already", ("login",))
        if found.is_guarded:
            return Forbidden("The owner of a child's household answers for the child's number")
        [row] = await connection.execute_query_dict(_REQUESTER, [viewer.user_id, owner_id])
        household_id = await link_request.household_of(connection, profile, viewer.user_id, None)
        if isinstance(household_id, NotFound | Forbidden | OwnerAbsent):
            return household_id
        if household_id is None:
            refused = link_request.cannot_found(profile, row["msisdn"], row["birth_date"])
            if refused is not None:
                return refused
        requester = requester_words(row["display_name"], row["msisdn"])
        method = ConsentMethod.PASSWORD
        text = consent_text(profile, language_of(profile, row["language"]), method, scopes, requester)
        agreed = Agreement(
            requester_id=viewer.user_id,
            requester=requester,
            household_id=household_id,
            target=target,
            is_account=wanted.is_account,
            kind=wanted.kind,
            moves=False,
            scopes=scopes,
            method=method,
            text=text,
            requested_at=datetime.now(UTC),
            sim_epoch=found.sim_epoch,
            contract_epoch=found.contract_epoch,
            address=address,
        )
        return await link_making.make(connection, profile, viewer, agreed)

    try:
        return await tx(make)
    except Lost:
        return NumberAlreadyLinked((LinkChoice.SECONDARY, LinkChoice.MOVE))


def _refuses(profile: Profile, viewer: Viewer, wanted: Wanted) -> link_request.Refused | None:
    if not wanted.is_account:
        return link_request.refuses(profile, viewer, "linking.password")
    if refused := link_request.refuses(profile, viewer, "linking.personal_account"):
        return refused
    flag = feature(profile, "auth.installer_password")
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")


async def _find(connection: BaseDBAsyncClient, profile: Profile, wanted: Wanted) -> tuple[Target | None, str]:
    """What the login names: a number by itself, another login by the number of its cabinet."""
    target = wanted.login.strip()
    if not wanted.is_account:
        known = await identifier.find(connection, profile, wanted.login)
        target = normalize(wanted.login, profile) or (known.msisdn if known else None) or ""
    return await link_code.find(connection, profile, target, is_account=wanted.is_account), target
