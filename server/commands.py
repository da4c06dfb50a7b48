"""What the commands of `hearth` do that need the database: `migrate`, `import`, `refunds`, `worker` and the others."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import uvloop

from auth import office, support
from domain.money import Money, MoneyRejected, parse_amount
from domain.msisdn import mask, normalize
from domain.payment import PaymentMethodKind
from domain.profile import Profile
from domain.refund import RefundRejected
from domain.refusals import Forbidden, LastOwner, NotFound
from domain.staff import Staff
from domain.ticket_refusals import TicketRejected
from domain.voucher import printed
from gateways.simulators.sim_registry import News, SimulatedRegistry
from models.database import process_database
from models.migrate import is_ready
from models.migrate import migrate as migrate_tables
from server.autopay import pay_automatically
from server.database import attached, bring_up_to_date, check
from server.failure import StartFailure
from server.fees import charge_fees
from server.households import look_after_households
from server.inbound import receive_sms
from server.limits import look_after_limits
from server.logs import configure_logs
from server.loops import Loops
from server.operators import served_operators
from server.packages import look_after_packages
from server.payment_gateway import payment_desk
from server.payments import look_after_payments
from server.settings import Settings
from server.sim_registry import sim_registry, watch_sims
from server.tracing import tracing
from server.trusted_documents import operations
from server.worker import run_worker
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
    trusted_document,
    usage_import,
    user_erasure,
    user_export,
    voucher,
)
from services.catalogue_file import CatalogueRejected
from services.succession import Claim

Result = TypeVar("Result")

# A batch of messages to a slow gateway takes longer: what it has not come to is left to another worker.
_WORKER_SECONDS = 8.0


def migrate(settings: Settings) -> None:
    """Bring the database to this version: its tables, and the catalogues of the operators."""
    with _database(settings) as (url, profiles):
        applied = _run(bring_up_to_date(url, profiles, settings))
    print("\n".join(f"Applied {name}" for name in applied) or "The database is up to date.")


def import_households(settings: Settings, file: Path) -> None:
    """Load a file of households. Raises StartFailure with a line per problem; then nothing was changed."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise StartFailure(f"{file} cannot be read: {error.strerror}") from error
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        try:
            report = _run(household_import.import_file(url, file, profiles))
        except household_import.ImportRejected as rejected:
            raise StartFailure(*(f"{file}: {problem}" for problem in rejected.problems)) from rejected
    print(report)


def import_usage(settings: Settings, file: Path) -> None:
    """Count a file of use, each event once. Raises StartFailure with a line per problem; then nothing was counted."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise StartFailure(f"{file} cannot be read: {error.strerror}") from error
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        try:
            taken = _run(_import_usage(settings, url, profiles, file))
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
    with _database(settings) as (url, profiles):
        profile = _operator(profiles, operator)
        if settings.development:
            _run(migrate_tables(url))
        else:
            _require_tables(url)
        try:
            changes = _run(catalogue.import_file(url, file, profile, check=check))
        except CatalogueRejected as rejected:
            raise StartFailure(*rejected.problems) from rejected
    print(changes)


def seed_households(settings: Settings, households: int, operator: str | None) -> None:
    """Make a number of invented households, for one operator or spread over all."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        if operator is not None and operator not in profiles:
            raise StartFailure(f"There is no operator {operator!r}, only {', '.join(profiles)}")
        try:
            _run(seed.seed(url, households=households, profiles=profiles, operator=operator, progress=print))
        except seed.NothingToSell as refusal:
            raise StartFailure(f"{refusal}: `hearth migrate` loads the catalogues") from refusal


def verify_ledger(settings: Settings) -> None:
    """Print how much of the ledger was proven. Raises StartFailure with the first row that breaks a rule."""
    with attached(settings) as (ready, _):
        _run(check(ready.dsn))
        _require_tables(ready.dsn)
        verdict = _run(ledger_verify.verify(ready.dsn))
    if isinstance(verdict, ledger_verify.LedgerBroken):
        raise StartFailure(str(verdict))
    print(verdict)


def publish_documents(settings: Settings, texts: Mapping[str, str]) -> None:
    """Trust the documents of a manifest, texts by digest, in every worker."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        print(_run(_with_database(settings, url, trusted_document.publish(texts))))


def list_documents(settings: Settings) -> None:
    """Print the documents that were published, one a line, and the operations in each."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        for each in _run(_with_database(settings, url, trusted_document.published())):
            print(f"{each.digest}\t{each.published_at:%Y-%m-%d %H:%M}\t{operations(each.text)}")


def withdraw_document(settings: Settings, document_id: str) -> None:
    """Trust a published document no longer, at once in every worker. Raises StartFailure where there is none."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        withdrawn = trusted_document.withdraw(document_id.removeprefix("sha256:"))
        if not _run(_with_database(settings, url, withdrawn)):
            raise StartFailure(f"No document {document_id!r} is published")
    print(f"{document_id}\twithdrawn")


async def _with_database(settings: Settings, url: str, work: Coroutine[object, object, Result]) -> Result:
    async with process_database(url, pool_size=settings.pool_size):
        return await work


def issue_password(settings: Settings, operator: str, login: str) -> None:
    """Print a new password for somebody who stands in the office, or whose internet was just installed (F012)."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        password = _run(_issue(settings, url, _operator(profiles, operator), login))
    if password is None:
        raise StartFailure(f"Nobody signs in to {operator} with {login!r}")
    print(password)


async def _issue(settings: Settings, url: str, profile: Profile, login: str) -> str | None:
    async with process_database(url, pool_size=settings.pool_size):
        return await office.issue(profile, login)


def act_for(settings: Settings, operator: str, login: str, staff: Staff) -> None:
    """Print a token with which an employee acts for a user for half an hour (E60)."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        token = _run(_act_for(settings, url, _operator(profiles, operator), login, staff))
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
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        profile = _operator(profiles, operator)
        msisdn = normalize(number, profile)
        if msisdn is None:
            raise StartFailure(f"{number!r} is no number of {operator}")
        told = _run(_tell_of_number(settings, url, profile, msisdn, action, person))
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
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        profile = _operator(profiles, operator)
        if PaymentMethodKind.VOUCHER not in profile.payments.methods:
            raise StartFailure(f"{operator} takes no vouchers: its payments.methods lacks VOUCHER")
        try:
            money = Money.from_decimal(parse_amount(amount), profile.operator.currency)
        except MoneyRejected as rejected:
            raise StartFailure(f"--amount {amount!r}: {rejected}") from rejected
        if money.minor <= 0:
            raise StartFailure(f"--amount {amount!r}: a voucher is worth something")
        codes = _run(_create_vouchers(settings, url, profile, count, money, days))
    print("\n".join(printed(code) for code in codes))


async def _create_vouchers(
    settings: Settings, url: str, profile: Profile, count: int, amount: Money, days: int
) -> list[str]:
    expires_at = datetime.now(UTC) + timedelta(days=days)
    async with process_database(url, pool_size=settings.pool_size):
        return await voucher.create(profile, settings.key, count=count, amount=amount, expires_at=expires_at)


def list_refunds(settings: Settings) -> None:
    """Print the refunds that wait for the operator's decision, one a line (E43)."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        for each in _run(_list_refunds(settings, url, profiles)):
            asked = Money(each.refund.asked_amount, each.paid.currency) if each.refund.asked_amount else "all"
            paid = f"{each.paid} paid for {each.named}, {each.refunded} given back"
            reason = " ".join(each.refund.reason.split())
            print(f"{each.refund.id}\t{each.refund.operator}\t{asked} of {paid}\t{reason}")


async def _list_refunds(settings: Settings, url: str, profiles: Mapping[str, Profile]) -> list[refund.Waiting]:
    async with process_database(url, pool_size=settings.pool_size):
        return await refund.waiting(list(profiles))


def decide_refund(settings: Settings, refund_id: int, by: str, *, amount: str | None, answer: str | None) -> None:
    """Approve a refund, all of it or an `amount`, or decline it with an `answer`; print how it stands (E43)."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        ready = settings.model_copy(update={"database_url": url})
        decided = _run(_decide_refund(ready, profiles, refund_id, by, amount, answer))
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
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        for each in _run(_list_tickets(settings, url, profiles)):
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
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        told = _run(_tell_ticket(settings, url, profiles, ticket_id, by, text, closing))
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


def export_user(settings: Settings, user_id: int, by: str) -> None:
    """Print all that is stored about a user as JSON. Raises StartFailure where there is none."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        exported = _run(_export_user(settings, url, user_id, by))
    if exported is None:
        raise StartFailure(f"There is no user {user_id}")
    print(exported.json())


async def _export_user(settings: Settings, url: str, user_id: int, by: str) -> user_export.Exported | None:
    async with process_database(url, pool_size=settings.pool_size):
        return await user_export.export(user_id, by)


def erase_user(settings: Settings, user_id: int, by: str) -> None:
    """Erase a user, and print what is kept. Raises StartFailure, and changes nothing, where that may not be."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        done = _run(_erase_user(settings, url, profiles, user_id, by))
    match done:
        case user_erasure.Erased(kept=kept):
            print("\n".join([f"User {user_id} is erased", *kept]))
        case user_erasure.ErasedBefore():
            print(f"User {user_id} was erased before")
        case _:
            raise StartFailure(f"User {user_id} is not erased: {done.message}")


async def _erase_user(
    settings: Settings, url: str, profiles: Mapping[str, Profile], user_id: int, by: str
) -> user_erasure.Erased | user_erasure.ErasedBefore | NotFound | LastOwner | user_erasure.MoneyUnderWay:
    async with process_database(url, pool_size=settings.pool_size):
        return await user_erasure.erase(profiles, user_id, by)


def list_claims(settings: Settings) -> None:
    """Print the households that their successors claim, one a line."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        for claim in _run(_claims(settings, url, profiles)):
            state = f"confirmed by {claim.claim_confirmed_by}" if claim.claim_confirmed_by else "waits"
            print(
                f"{claim.id}\t{claim.operator}\t{claim.name}\t{claim.successor}\t{claim.claimed_at:%Y-%m-%d}\t{state}"
            )


async def _claims(settings: Settings, url: str, profiles: Mapping[str, Profile]) -> list[Claim]:
    async with process_database(url, pool_size=settings.pool_size):
        return await succession.waiting(list(profiles))


def decide_household(settings: Settings, action: str, household_id: int, staff: Staff) -> None:
    """Say that an owner is `absent` or `present`, or `confirm` a claim. Raises StartFailure where there is none."""
    with _database(settings) as (url, profiles):
        _prepare_for_development(settings, url, profiles)
        refused = _run(_decide_household(settings, url, profiles, action, household_id, staff))
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


def work(settings: Settings) -> None:
    """Deliver what the API left in the outbox, until SIGTERM or Ctrl-C."""
    configure_logs(settings)
    with attached(settings) as (ready, _):
        _run(check(ready.dsn))
        _require_tables(ready.dsn)
        with tracing(ready):
            _run(_until_told(_work(ready)))


async def _work(settings: Settings) -> None:
    profiles = served_operators(settings)
    # What people send by SMS is acted on here, and that writes.
    async with (
        process_database(settings.dsn, pool_size=settings.pool_size),
        payment_desk(settings) as desk,
        sim_registry(settings) as sims,
        Loops(patience=_WORKER_SECONDS) as loops,
    ):
        loops.start(run_worker(settings, partial(receive_sms, settings, profiles)))
        loops.start(look_after_payments(desk, profiles))
        loops.start(pay_automatically(settings.dsn, desk, profiles))
        loops.start(charge_fees(profiles))
        loops.start(watch_sims(sims, profiles))
        loops.start(look_after_households(profiles))
        loops.start(look_after_limits(profiles))
        loops.start(look_after_packages(profiles))
        await loops.failure()


def _operator(profiles: Mapping[str, Profile], name: str) -> Profile:
    """The profile of an operator. Raises StartFailure for one that is not served."""
    if name not in profiles:
        raise StartFailure(f"There is no operator {name!r}, only {', '.join(profiles)}")
    return profiles[name]


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, Mapping[str, Profile]]]:
    """Give the URL of a database that answers, and the operators' profiles."""
    profiles = served_operators(settings)
    with attached(settings) as (ready, _):
        _run(check(ready.dsn))
        yield ready.dsn, profiles


def _prepare_for_development(settings: Settings, url: str, profiles: Mapping[str, Profile]) -> None:
    # In production only `hearth migrate` changes tables.
    if settings.development:
        _run(bring_up_to_date(url, profiles, settings))
    else:
        _require_tables(url)


def _require_tables(url: str) -> None:
    """Raise StartFailure unless the database has this version's tables and a catalogue."""
    if not _run(is_ready(url)):
        raise StartFailure("The database is not migrated: run `hearth migrate` first")


async def _until_told(work: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def _run(work: Coroutine[object, object, Result]) -> Result:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
