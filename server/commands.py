"""What most commands of `hearth` do that need the database: `migrate`, `import`, `refunds`, `tickets` and others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auth import office, support
from domain.money import Money, MoneyRejected, parse_amount
from domain.msisdn import mask, normalize
from domain.payment import PaymentMethodKind
from domain.profile import Profile
from domain.refund import RefundRejected
from domain.refusals import Forbidden, NotFound
from domain.staff import Staff
from domain.ticket_refusals import TicketRejected
from domain.voucher import printed
from gateways.simulators.sim_registry import News, SimulatedRegistry
from models.database import process_database
from models.migrate import migrate as migrate_tables
from server.command_database import command_database, prepare_for_development, require_tables, run
from server.database import attached, bring_up_to_date, check
from server.failure import StartFailure
from server.payment_gateway import payment_desk
from server.settings import Settings
from services import (
    catalogue,
    contract_change,
    household_import,
    ledger_verify,
    porting,
    refund,
    refund_settlement,
    seed,
    succession,
    ticket,
    usage_import,
    voucher,
)
from services.catalogue_file import CatalogueRejected
from services.succession import Claim


def migrate(settings: Settings) -> None:
    """Bring the database to this version: its tables, and the catalogues of the operators."""
    with command_database(settings) as (url, profiles):
        applied = run(bring_up_to_date(url, profiles, settings))
    print("\n".join(f"Applied {name}" for name in applied) or "The database is up to date.")


def import_households(settings: Settings, file: Path) -> None:
    """Load a file of households. Raises StartFailure with a line per problem; then nothing was changed."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise StartFailure(f"{file} cannot be read: {error.strerror}") from error
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        try:
            report = run(household_import.import_file(url, file, profiles))
        except household_import.ImportRejected as rejected:
            raise StartFailure(*(f"{file}: {problem}" for problem in rejected.problems)) from rejected
    print(report)


def import_usage(settings: Settings, file: Path) -> None:
    """Count a file of use, each event once. Raises StartFailure with a line per problem; then nothing was counted."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise StartFailure(f"{file} cannot be read: {error.strerror}") from error
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        try:
            taken = run(_import_usage(settings, url, profiles, file))
        except usage_import.UsageRejected as rejected:
            raise StartFailure(*(f"{file}: {problem}" for problem in rejected.problems)) from rejected
    print("\n".join([*taken.refused, f"Counted {taken.used}, known {taken.before}, refused {len(taken.refused)}."]))


async def _import_usage(
    settings: Settings, url: str, profiles: Mapping[str, Profile], file: Path
) -> usage_import.Taken:
    async with process_database(url, pool_size=settings.pool_size):
        return await usage_import.import_file(profiles, file)


def import_catalogue(settings: Settings, file: Path, operator: str, *, check: bool) -> None:
    """Sell what a file says. Raises StartFailure with a line per problem; then nothing was changed.

    In development the tables are made first, but the catalogues are not loaded: they would hide what the file changes.
    """
    with command_database(settings) as (url, profiles):
        profile = _operator(profiles, operator)
        if settings.development:
            run(migrate_tables(url))
        else:
            require_tables(url)
        try:
            changes = run(catalogue.import_file(url, file, profile, check=check))
        except CatalogueRejected as rejected:
            raise StartFailure(*rejected.problems) from rejected
    print(changes)


def seed_households(settings: Settings, households: int, operator: str | None) -> None:
    """Make a number of invented households, for one operator or spread over all."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        if operator is not None and operator not in profiles:
            raise StartFailure(f"There is no operator {operator!r}, only {', '.join(profiles)}")
        try:
            run(seed.seed(url, households=households, profiles=profiles, operator=operator, progress=print))
        except seed.NothingToSell as refusal:
            raise StartFailure(f"{refusal}: `hearth migrate` loads the catalogues") from refusal


def verify_ledger(settings: Settings) -> None:
    """Print how much of the ledger was proven. Raises StartFailure with the first row that breaks a rule."""
    with attached(settings) as (ready, _):
        run(check(ready.dsn))
        require_tables(ready.dsn)
        verdict = run(ledger_verify.verify(ready.dsn))
    if isinstance(verdict, ledger_verify.LedgerBroken):
        raise StartFailure(str(verdict))
    print(verdict)


def issue_password(settings: Settings, operator: str, login: str) -> None:
    """Print a new password for somebody who stands in the office, or whose internet was just installed (F012)."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        password = run(_issue(settings, url, _operator(profiles, operator), login))
    if password is None:
        raise StartFailure(f"Nobody signs in to {operator} with {login!r}")
    print(password)


async def _issue(settings: Settings, url: str, profile: Profile, login: str) -> str | None:
    async with process_database(url, pool_size=settings.pool_size):
        return await office.issue(profile, login)


def act_for(settings: Settings, operator: str, login: str, staff: Staff) -> None:
    """Print a token with which an employee acts for a user for half an hour (E60)."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        token = run(_act_for(settings, url, _operator(profiles, operator), login, staff))
    if token is None:
        raise StartFailure(f"Nobody signs in to {operator} with {login!r}")
    print(token)


async def _act_for(settings: Settings, url: str, profile: Profile, login: str, staff: Staff) -> str | None:
    async with process_database(url, pool_size=settings.pool_size):
        return await support.act_for(profile, login, staff)


def tell_of_number(settings: Settings, operator: str, number: str, action: str, person: str | None) -> None:
    """Tell what happened to a number. Raises StartFailure for a number or a person that is not the operator's.

    A swap and a new subscriber are the registry's to tell: here they go into the simulated one, and the server hears
    of them in a moment. That a contract or a number moves is the operator's, and counts at once.
    """
    simulated = action in tuple(News)
    if simulated and (not settings.development or settings.sim_registry_url is not None):
        raise StartFailure(f"Only a simulated registry is told to {action}: the operator's own knows by itself")
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        profile = _operator(profiles, operator)
        msisdn = normalize(number, profile)
        if msisdn is None:
            raise StartFailure(f"{number!r} is no number of {operator}")
        told = run(_tell_of_number(settings, url, profile, msisdn, action, person))
    if not told:
        raise StartFailure(f"{operator} has no number {mask(msisdn)} that this could happen to")
    if simulated:
        SimulatedRegistry(settings.data).happened(msisdn, News(action))
    print(f"{mask(msisdn)}\t{action}")


async def _tell_of_number(
    settings: Settings, url: str, profile: Profile, msisdn: str, action: str, person: str | None
) -> bool:
    async with process_database(url, pool_size=settings.pool_size):
        if person is not None:
            return await contract_change.pass_on(profile, msisdn, person)
        moves = {"port-out": porting.begun, "ported-out": porting.done}
        return await porting.of_number(profile, msisdn, moves.get(action))


def create_vouchers(settings: Settings, operator: str, count: int, amount: str, days: int) -> None:
    """Print the codes of new vouchers, one a line: this once, since nobody can tell them again (F159)."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        profile = _operator(profiles, operator)
        if PaymentMethodKind.VOUCHER not in profile.payments.methods:
            raise StartFailure(f"{operator} takes no vouchers: its payments.methods lacks VOUCHER")
        try:
            money = Money.from_decimal(parse_amount(amount), profile.operator.currency)
        except MoneyRejected as rejected:
            raise StartFailure(f"--amount {amount!r}: {rejected}") from rejected
        if money.minor <= 0:
            raise StartFailure(f"--amount {amount!r}: a voucher is worth something")
        codes = run(_create_vouchers(settings, url, profile, count, money, days))
    print("\n".join(printed(code) for code in codes))


async def _create_vouchers(
    settings: Settings, url: str, profile: Profile, count: int, amount: Money, days: int
) -> list[str]:
    expires_at = datetime.now(UTC) + timedelta(days=days)
    async with process_database(url, pool_size=settings.pool_size):
        return await voucher.create(profile, settings.key, count=count, amount=amount, expires_at=expires_at)


def list_refunds(settings: Settings) -> None:
    """Print the refunds that wait for the operator's decision, one a line (E43)."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        for each in run(_list_refunds(settings, url, profiles)):
            asked = Money(each.refund.asked_amount, each.paid.currency) if each.refund.asked_amount else "all"
            paid = f"{each.paid} paid for {each.named}, {each.refunded} given back"
            reason = " ".join(each.refund.reason.split())
            print(f"{each.refund.id}\t{each.refund.operator}\t{asked} of {paid}\t{reason}")


async def _list_refunds(settings: Settings, url: str, profiles: Mapping[str, Profile]) -> list[refund.Waiting]:
    async with process_database(url, pool_size=settings.pool_size):
        return await refund.waiting(list(profiles))


def decide_refund(settings: Settings, refund_id: int, by: str, *, amount: str | None, answer: str | None) -> None:
    """Approve a refund, all of it or an `amount`, or decline it with an `answer`; print how it stands (E43)."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        ready = settings.model_copy(update={"database_url": url})
        decided = run(_decide_refund(ready, profiles, refund_id, by, amount, answer))
    if isinstance(decided, RefundRejected):
        raise StartFailure(decided.message)
    print(f"{decided.id}\t{decided.status}")


async def _decide_refund(
    settings: Settings, profiles: Mapping[str, Profile], refund_id: int, by: str, amount: str | None, answer: str | None
) -> refund_settlement.RefundRow | RefundRejected:
    async with process_database(settings.dsn, pool_size=settings.pool_size), payment_desk(settings) as desk:
        if answer is not None:
            return await refund.decline(profiles, refund_id, by, answer)
        try:
            wanted = None if amount is None else parse_amount(amount)
            return await refund.approve(desk, profiles, refund_id, by, wanted)
        except MoneyRejected as rejected:
            raise StartFailure(f"--amount {amount!r}: {rejected}") from rejected


def list_tickets(settings: Settings) -> None:
    """Print the tickets that wait for people, one a line, the first to be answered first."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        for each in run(_list_tickets(settings, url, profiles)):
            due = each.answer_due_at.astimezone(profiles[each.operator].operator.zone)
            comment = " ".join((each.comment or "").split())
            print(
                f"{each.id}\t{each.operator}\t{each.status}\tuntil {due:%Y-%m-%d %H:%M}\t{each.asked_by}"
                f"\t{each.subject}\t{comment}"
            )


async def _list_tickets(settings: Settings, url: str, profiles: Mapping[str, Profile]) -> list[ticket.Waiting]:
    async with process_database(url, pool_size=settings.pool_size):
        return await ticket.waiting(profiles)


def tell_ticket(settings: Settings, ticket_id: int, by: str, text: str | None, *, closing: bool) -> None:
    """Answer a ticket, or close it, and print how it stands. Raises StartFailure where there is none that is open."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        told = run(_tell_ticket(settings, url, profiles, ticket_id, by, text, closing))
    if isinstance(told, TicketRejected):
        raise StartFailure(told.message)
    print(f"{told.id}\t{told.status}")


async def _tell_ticket(
    settings: Settings,
    url: str,
    profiles: Mapping[str, Profile],
    ticket_id: int,
    by: str,
    text: str | None,
    closing: bool,
) -> ticket.Told | TicketRejected:
    async with process_database(url, pool_size=settings.pool_size):
        if closing:
            return await ticket.close(profiles, ticket_id, by, text)
        return await ticket.answer(profiles, ticket_id, by, text or "")


def list_claims(settings: Settings) -> None:
    """Print the households that their successors claim, one a line."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        for claim in run(_claims(settings, url, profiles)):
            state = f"confirmed by {claim.claim_confirmed_by}" if claim.claim_confirmed_by else "waits"
            print(
                f"{claim.id}\t{claim.operator}\t{claim.name}\t{claim.successor}\t{claim.claimed_at:%Y-%m-%d}\t{state}"
            )


async def _claims(settings: Settings, url: str, profiles: Mapping[str, Profile]) -> list[Claim]:
    async with process_database(url, pool_size=settings.pool_size):
        return await succession.waiting(list(profiles))


def decide_household(settings: Settings, action: str, household_id: int, staff: Staff) -> None:
    """Say that an owner is `absent` or `present`, or `confirm` a claim. Raises StartFailure where there is none."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        refused = run(_decide_household(settings, url, profiles, action, household_id, staff))
    if refused is not None:
        raise StartFailure(refused.message)
    print(f"{household_id}\t{action}")


async def _decide_household(
    settings: Settings, url: str, profiles: Mapping[str, Profile], action: str, household_id: int, staff: Staff
) -> NotFound | Forbidden | None:
    async with process_database(url, pool_size=settings.pool_size):
        outcome = (
            await succession.confirm(profiles, household_id, staff)
            if action == "confirm"
            else await succession.tell_absent(profiles, household_id, staff, absent=action == "absent")
        )
    return outcome if isinstance(outcome, NotFound | Forbidden) else None


def _operator(profiles: Mapping[str, Profile], name: str) -> Profile:
    """The profile of an operator. Raises StartFailure for one that is not served."""
    if name not in profiles:
        raise StartFailure(f"There is no operator {name!r}, only {', '.join(profiles)}")
    return profiles[name]
