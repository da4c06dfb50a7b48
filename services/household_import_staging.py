"""The first half of an import: records become rows of temporary tables, in batches, with COPY.

A temporary table holds what the file says, by natural keys, with the line that said it; a record may come to many
rows. Nothing real is touched here, so a file that turns out to be broken leaves no trace.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from domain.consent import consent_text
from domain.household_file import (
    LONGEST_PERIOD_DAYS,
    AccountRecord,
    AnyRecord,
    ContractRecord,
    FeeRecord,
    HouseholdRecord,
    InternetSessionRecord,
    LineRecord,
    LinkRecord,
    MoneyRecord,
    PaymentRecord,
    PersonRecord,
    UsageRecord,
    address,
    of_day,
)
from domain.household_file_values import Complaint
from domain.ledger import TransferKind
from domain.profile import Profile
from domain.relative_date import Day, Moment
from domain.sign_in import LoginIdentifier
from services.bulk_connection import Connection

_BATCH_ROWS = 5_000

# `n` is the place in a list of the record; `address` is a line's number or service point.
_TABLES = {
    "person": "ref text, name text, birth_date date, has_cabinet bool, language text,"
    " first_language text, must_change bool, password_no int, password_hash text",
    "login": "person text, kind text, value text, by_line bool",
    "contract": "number text, holder text, kind text, status text, signed_on date, terminated_on date",
    "account": "number text, kind text, contract text, status text, cash_banned bool, currency text,"
    " balance bigint, credit_limit bigint, reserved bigint",
    "line": "address text, msisdn text, service_point text, account text, kind text, person text, label text,"
    " locality text, status text, activated_at timestamptz, tariff text, since timestamptz, next_charge_at timestamptz",
    "service": "n int, address text, line_kind text, code text, since timestamptz, valid_until timestamptz,"
    " trial_ends_at timestamptz, next_charge_at timestamptz",
    "package": "address text, code text, name text, unit text, source text, total numeric, remaining numeric,"
    " unlimited bool, resets_at timestamptz",
    "household": "ref text, name text",
    "member": "n int, household text, person_operator text, person text, role text, birth_date date",
    "link": "household text, target text, address text, account text, kind text, scopes text[], method text,"
    " confirmed_at timestamptz, reverify_by timestamptz, label text, consent text",
    "usage": "address text, day date, type text, unit text, volume numeric, sum bigint",
    "internet_session": "address text, started_at timestamptz, ended_at timestamptz, ip text, received bigint,"
    " sent bigint, cost bigint",
    "money": "account text, kind text, key text, at timestamptz, amount bigint",
}

_CREATE = "\n".join(
    f"create temp table import_{name} (line_no int, operator text, {columns}) on commit drop;"
    for name, columns in _TABLES.items()
)
_ANALYZE = "\n".join(f"analyze import_{name};" for name in _TABLES)


class Row(NamedTuple):
    """One row of one temporary table, without the line and the operator that all of them begin with."""

    table: str
    values: tuple[Any, ...]


class Loading:
    """What the rows of a file are made with: the profiles, the day of loading, and the passwords met so far."""

    def __init__(self, profiles: Mapping[str, Profile], today: date | None) -> None:
        self.profiles = profiles
        self.now = datetime.now(UTC)
        self.passwords: dict[str, int] = {}
        # PUK1 codes by operator and number; they never travel to the database either.
        self.puks: dict[tuple[str, str], str] = {}
        self._today = {
            operator: today or self.now.astimezone(profile.operator.zone).date()
            for operator, profile in profiles.items()
        }

    def day(self, operator: str, day: Day | None) -> date | None:
        return None if day is None else day.on(self._today[operator])

    def moment(self, operator: str, moment: Moment | None) -> datetime | None:
        if moment is None:
            return None
        return moment.at(self._today[operator], self.profiles[operator].operator.zone)

    def start_of(self, operator: str, day: date) -> datetime:
        """The instant when a day begins for the operator."""
        return datetime(day.year, day.month, day.day, tzinfo=self.profiles[operator].operator.zone).astimezone(UTC)

    def days(self, operator: str, first: Day, last: Day) -> Iterator[date]:
        start, end = first.on(self._today[operator]), last.on(self._today[operator])
        return (start + timedelta(days=offset) for offset in range((end - start).days + 1))

    def password_number(self, password: str | None) -> int | None:
        """A number for a password, so that the password itself never travels to the database."""
        return None if password is None else self.passwords.setdefault(password, len(self.passwords))

    def period_complaint(self, record: UsageRecord | MoneyRecord) -> Complaint | None:
        """Why the `days` of a record cannot be taken: only the day of loading says how they lie."""
        if record.days is None:
            return None
        first, last = (day.on(self._today[record.operator]) for day in record.days)
        if last < first:
            return Complaint("days", f"ends on {last}, before it begins on {first}")
        if (last - first).days >= LONGEST_PERIOD_DAYS:
            return Complaint("days", f"spans more than {LONGEST_PERIOD_DAYS} days")
        return None


class Staging:
    """The temporary tables of one import. Rows wait in memory until a batch of their table is full."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    async def create(self) -> None:
        await self._connection.execute(_CREATE)

    async def add(self, line_no: int, record: AnyRecord, loading: Loading) -> None:
        """Take the rows of one valid record."""
        for table, values in rows(record, loading):
            batch = self._waiting[table]
            batch.append((line_no, record.operator, *values))
            if len(batch) >= _BATCH_ROWS:
                await self._copy(table)

    async def finish(self) -> None:
        """Copy what still waits, and let the planner know how much there is."""
        for table in self._waiting:
            await self._copy(table)
        await self._connection.execute(_ANALYZE)

    async def _copy(self, table: str) -> None:
        batch = self._waiting[table]
        await self._connection.copy_records_to_table(f"import_{table}", records=batch)
        batch.clear()


def rows(record: AnyRecord, loading: Loading) -> Iterator[Row]:
    """The rows that one record comes to."""
    match record:
        case PersonRecord():
            yield from _person(record, loading)
        case ContractRecord():
            yield _contract(record, loading)
        case AccountRecord():
            yield _account(record, loading)
        case LineRecord():
            yield from _line(record, loading)
        case HouseholdRecord():
            yield from _household(record, loading)
        case LinkRecord():
            yield _link(record, loading)
        case UsageRecord():
            yield from _usage(record, loading)
        case InternetSessionRecord():
            yield _internet_session(record, loading)
        case PaymentRecord():
            yield from _money(record, TransferKind.TOP_UP, loading)
        case FeeRecord():
            yield from _money(record, TransferKind.FEE, loading)


def _person(record: PersonRecord, loading: Loading) -> Iterator[Row]:
    cabinet = record.cabinet
    born = loading.day(record.operator, record.birth_date)
    if cabinet is None:
        yield Row("person", (record.ref, record.name, born, False, None, None, None, None, None))
        return
    profile = loading.profiles[record.operator]
    yield Row(
        "person",
        (
            record.ref,
            record.name,
            born,
            True,
            cabinet.language,
            profile.operator.languages[0],
            cabinet.must_change_password,
            loading.password_number(cabinet.password),
            cabinet.password_hash,
        ),
    )
    for kind, value in cabinet.logins.items():
        yield Row("login", (record.ref, kind, _login(kind, value, profile), False))


def _login(kind: LoginIdentifier, value: str, profile: Profile) -> str:
    """The one form of a login that is stored and compared."""
    if kind is LoginIdentifier.MSISDN:
        return address(value, profile)
    # Numbers of accounts and contracts are taken as they are printed, names in whichever case.
    exact = kind in (LoginIdentifier.ACCOUNT_NUMBER, LoginIdentifier.CONTRACT_NUMBER)
    return value if exact else value.lower()


def _contract(record: ContractRecord, loading: Loading) -> Row:
    signed, terminated = (loading.day(record.operator, day) for day in (record.signed_on, record.terminated_on))
    return Row("contract", (record.number, record.holder, record.kind, record.status, signed, terminated))


def _account(record: AccountRecord, loading: Loading) -> Row:
    return Row(
        "account",
        (
            record.number,
            record.kind,
            record.contract,
            record.status,
            record.cash_payments_banned,
            loading.profiles[record.operator].operator.currency,
            record.balance,
            record.credit_limit,
            record.reserved,
        ),
    )


def _line(record: LineRecord, loading: Loading) -> Iterator[Row]:
    operator, profile = record.operator, loading.profiles[record.operator]
    msisdn = None if record.msisdn is None else address(record.msisdn, profile)
    # The record has exactly one of the two.
    key = msisdn or record.service_point
    yield Row(
        "line",
        (
            key,
            msisdn,
            record.service_point,
            record.account,
            record.kind,
            record.user,
            record.label,
            record.locality,
            record.status,
            loading.moment(operator, record.activated_at),
            record.tariff,
            loading.moment(operator, record.tariff_since),
            loading.moment(operator, record.next_charge_at),
        ),
    )
    if msisdn and record.puk1:
        loading.puks[operator, msisdn] = record.puk1
    if msisdn and record.user and LoginIdentifier.MSISDN in profile.auth.identifiers:
        yield Row("login", (record.user, LoginIdentifier.MSISDN, msisdn, True))
    for index, service in enumerate(record.services):
        moments = (service.since, service.valid_until, service.trial_ends_at, service.next_charge_at)
        at = (loading.moment(operator, moment) for moment in moments)
        yield Row("service", (index, key, record.kind, service.code, *at))
    for package in record.packages:
        yield Row(
            "package",
            (
                key,
                package.code,
                package.name,
                package.unit.unit,
                package.source,
                package.unit.stored(package.total),
                package.unit.stored(package.remaining),
                package.unlimited,
                loading.moment(operator, package.resets_at),
            ),
        )


def _household(record: HouseholdRecord, loading: Loading) -> Iterator[Row]:
    yield Row("household", (record.ref, record.name))
    for index, member in enumerate(record.members):
        born = loading.day(record.operator, member.birth_date)
        operator = member.operator or record.operator
        yield Row("member", (index, record.ref, operator, member.person, member.role, born))


def _link(record: LinkRecord, loading: Loading) -> Row:
    profile = loading.profiles[record.target]
    confirmed = loading.moment(record.operator, record.confirmed_at) or loading.now
    return Row(
        "link",
        (
            record.household,
            record.target,
            None if record.line is None else address(record.line, profile),
            record.account,
            record.kind,
            list(record.scopes),
            record.method,
            confirmed,
            confirmed + timedelta(days=profile.linking.reverify_days),
            record.label,
            consent_text(profile, profile.operator.languages[0], record.method, record.scopes),
        ),
    )


def _usage(record: UsageRecord, loading: Loading) -> Iterator[Row]:
    key = address(record.line, loading.profiles[record.operator])
    volumes = tuple(record.unit.stored(volume) for volume in record.volume)
    first, last = record.days or (record.day, record.day)
    assert first is not None
    assert last is not None
    for day in loading.days(record.operator, first, last):
        volume, money = of_day(volumes, day.toordinal()), of_day(record.sum, day.toordinal())
        # A day without use has no row, as it has none in a billing system's own export.
        if volume or money:
            yield Row("usage", (key, day, record.charge, record.unit.unit, volume, money))


def _internet_session(record: InternetSessionRecord, loading: Loading) -> Row:
    operator = record.operator
    return Row(
        "internet_session",
        (
            address(record.line, loading.profiles[operator]),
            loading.moment(operator, record.started_at),
            loading.moment(operator, record.ended_at),
            record.ip,
            int(record.unit.stored(record.received)),
            int(record.unit.stored(record.sent)),
            record.cost,
        ),
    )


def _money(record: MoneyRecord, kind: TransferKind, loading: Loading) -> Iterator[Row]:
    if record.days is None:
        yield Row(
            "money",
            (record.account, kind, record.key, loading.moment(record.operator, record.at), record.amount),
        )
        return
    for day in loading.days(record.operator, *record.days):
        at = loading.start_of(record.operator, day)
        yield Row("money", (record.account, kind, f"{record.key}:{day}", at, record.amount))
