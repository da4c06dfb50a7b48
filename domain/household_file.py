"""The records of a household file: one JSON object a line, told apart by `type` (docs/import.md).

Records name each other by natural keys, never by numbers of our database. A record is checked here as far as it
goes on its own and with its operator's profile; whether what it refers to exists is for the import to find out.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter

from domain.access import HouseholdRole, LinkKind, Scope
from domain.household_file_values import (
    Amount,
    Complaint,
    DayField,
    FileUnit,
    HouseholdName,
    Identifier,
    IpAddress,
    Key,
    Label,
    MomentField,
    Name,
    NotNegativeAmount,
    OneOrMany,
    OperatorId,
    Part,
    PositiveAmount,
    Ref,
    Scopes,
    Volume,
)
from domain.language import Language
from domain.line import ContractKind, ContractStatus, LineStatus, ServiceKind
from domain.msisdn import normalize
from domain.number_link import ConsentMethod
from domain.profile import Profile
from domain.sign_in import LoginIdentifier
from domain.usage import ChargeType, PackageSource, UsageUnit

T = TypeVar("T")

Profiles = Mapping[str, Profile]

LONGEST_PERIOD_DAYS = 1100
"""The most days, some three years, that one record of use, payments or fees may span."""

_MOST_BYTES = 2**62
_SECONDARY_SCOPES = frozenset({Scope.VIEW, Scope.USAGE, Scope.PAY})


class Record(Part):
    """One line of a file; every record says whose it is."""

    operator: OperatorId

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        """What is wrong with the record, given the profiles; its own operator is among them."""
        return iter(())


class Cabinet(Part):
    """How a person signs in; an empty one is a cabinet without a password."""

    logins: Mapping[LoginIdentifier, Identifier] = Field(default_factory=dict)
    password: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    password_hash: Annotated[str, Field(pattern=r"^\$argon2id\$", max_length=200)] | None = None
    language: Language | None = None
    must_change_password: bool = False

    def complaints(self, profile: Profile) -> Iterator[Complaint]:
        if self.password is not None and self.password_hash is not None:
            yield Complaint("cabinet.password_hash", "give either password or password_hash")
        if self.language is not None and self.language not in profile.operator.languages:
            yield Complaint("cabinet.language", f"{self.language} is not spoken by {profile.operator.id}")
        for kind, value in self.logins.items():
            if kind not in profile.auth.identifiers:
                yield Complaint(f"cabinet.logins.{kind}", f"{profile.operator.id} does not sign in with it")
            elif kind is LoginIdentifier.MSISDN and normalize(value, profile) is None:
                yield Complaint(f"cabinet.logins.{kind}", not_a_number(value, profile))


class PersonRecord(Record):
    """A human being, with or without a cabinet; `ref` is the operator's own identifier."""

    type: Literal["person"]
    ref: Ref
    name: Name
    birth_date: DayField | None = None
    cabinet: Cabinet | None = None

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        if self.cabinet:
            yield from self.cabinet.complaints(profiles[self.operator])


class ContractRecord(Record):
    """An agreement with its holder, who is a person of the same operator."""

    type: Literal["contract"]
    number: Ref
    holder: Ref
    kind: ContractKind = ContractKind.CONSUMER
    status: ContractStatus = ContractStatus.ACTIVE
    signed_on: DayField | None = None
    terminated_on: DayField | None = None


class AccountRecord(Record):
    """A personal account; amounts are in the operator's currency and count on the first load only."""

    type: Literal["account"]
    number: Ref
    kind: ServiceKind
    contract: Ref
    status: LineStatus = LineStatus.ACTIVE
    cash_payments_banned: bool = False
    balance: Amount
    credit_limit: NotNegativeAmount = 0
    reserved: NotNegativeAmount = 0

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        yield from _sold(self.kind, profiles[self.operator])


class LineService(Part):
    """A service that is connected to a line."""

    code: Ref
    since: MomentField | None = None
    valid_until: MomentField | None = None
    trial_ends_at: MomentField | None = None
    next_charge_at: MomentField | None = None


class Package(Part):
    """What is left of one package of a line."""

    code: Ref
    name: Name
    unit: FileUnit
    source: PackageSource
    total: Volume
    remaining: Volume
    unlimited: bool = False
    resets_at: MomentField | None = None


class LineRecord(Record):
    """A number or a service point, with its tariff, services and packages as they are now."""

    type: Literal["line"]
    msisdn: Identifier | None = None
    service_point: Ref | None = None
    account: Ref
    kind: ServiceKind
    user: Ref | None = None
    label: Label | None = None
    locality: Name | None = None
    status: LineStatus = LineStatus.ACTIVE
    puk1: Annotated[str, Field(pattern=r"^[0-9]{8}$")] | None = None
    activated_at: MomentField | None = None
    tariff: Ref | None = None
    tariff_since: MomentField | None = None
    next_charge_at: MomentField | None = None
    services: tuple[LineService, ...] = ()
    packages: tuple[Package, ...] = ()

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        profile = profiles[self.operator]
        yield from _sold(self.kind, profile)
        yield from self._address_complaints(profile)
        if self.tariff is None:
            for field in ("tariff_since", "next_charge_at"):
                if getattr(self, field) is not None:
                    yield Complaint(field, "needs tariff")
        yield from _twice("services", [service.code for service in self.services])
        yield from _twice("packages", [package.code for package in self.packages])
        for index, package in enumerate(self.packages):
            if package.remaining > package.total:
                yield Complaint(f"packages.{index}.remaining", "must not exceed total")
            yield from _whole_kopecks(f"packages.{index}", package.unit, (package.total, package.remaining))

    def _address_complaints(self, profile: Profile) -> Iterator[Complaint]:
        if (self.msisdn is None) == (self.service_point is None):
            yield Complaint("msisdn", "give exactly one of msisdn and service_point")
        elif self.kind is ServiceKind.MOBILE and self.msisdn is None:
            yield Complaint("msisdn", "a mobile line needs one")
        if self.msisdn is not None and normalize(self.msisdn, profile) is None:
            yield Complaint("msisdn", not_a_number(self.msisdn, profile))
        # Other records name a line by its number or its service point, so the two must not be confused.
        if self.service_point is not None and normalize(self.service_point, profile) is not None:
            yield Complaint("service_point", "reads like a phone number, which is what msisdn is for")


class Member(Part):
    """A person with a cabinet in a household; `operator` is the person's, where it is not the household's."""

    person: Ref
    role: HouseholdRole
    operator: OperatorId | None = None
    birth_date: DayField | None = None


class HouseholdRecord(Record):
    """A family and its members, exactly one of whom is its owner (I1)."""

    type: Literal["household"]
    ref: Ref
    name: HouseholdName
    members: tuple[Member, ...]

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        rules = profiles[self.operator].household
        if not rules.enabled:
            yield Complaint(None, f"{self.operator} has no households")
        owners = sum(member.role is HouseholdRole.OWNER for member in self.members)
        if owners != 1:
            yield Complaint("members", f"exactly one member must be OWNER, not {owners}")
        if len(self.members) > rules.max_members:
            yield Complaint("members", f"{self.operator} has at most {rules.max_members} members")
        yield from _twice("members", [f"{member.operator or ''} {member.person}" for member in self.members])
        for index, member in enumerate(self.members):
            if member.operator is not None and member.operator not in profiles:
                yield Complaint(f"members.{index}.operator", f"there is no operator {member.operator}")


class LinkRecord(Record):
    """A household's grant over a line or an account; `target_operator` is theirs, where it is another one."""

    type: Literal["link"]
    household: Ref
    line: Identifier | None = None
    account: Ref | None = None
    target_operator: OperatorId | None = None
    kind: LinkKind = LinkKind.PRIMARY
    scopes: Scopes
    method: ConsentMethod
    confirmed_at: MomentField | None = None
    label: Label | None = None

    @property
    def target(self) -> str:
        """The operator that the line or the account is of."""
        return self.target_operator or self.operator

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        if (self.line is None) == (self.account is None):
            yield Complaint("line", "give exactly one of line and account")
        if self.kind is LinkKind.SECONDARY and not set(self.scopes) <= _SECONDARY_SCOPES:
            yield Complaint("scopes", "a SECONDARY link has VIEW, USAGE and PAY only")
        if self.target not in profiles:
            yield Complaint("target_operator", f"there is no operator {self.target}")
            return
        rules = profiles[self.operator].linking
        if not rules.enabled:
            yield Complaint(None, f"{self.operator} links no numbers")
        if rules.same_operator_only and self.target != self.operator:
            yield Complaint("target_operator", f"{self.operator} links only numbers of its own")
        if self.account is not None and not profiles[self.target].linking.accounts_linkable:
            yield Complaint("account", f"accounts of {self.target} cannot be linked")


class UsageRecord(Record):
    """What a line used on one `day`, or on each of `days` in turn (see `of_day`)."""

    type: Literal["usage"]
    line: Identifier
    charge: ChargeType
    unit: FileUnit
    day: DayField | None = None
    days: tuple[DayField, DayField] | None = None
    volume: Annotated[tuple[Volume, ...], OneOrMany, Field(min_length=1, max_length=31)]
    sum: Annotated[tuple[NotNegativeAmount, ...], OneOrMany, Field(min_length=1, max_length=31)] = (0,)

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        if (self.day is None) == (self.days is None):
            yield Complaint("day", "give exactly one of day and days")
        yield from _whole_kopecks("volume", self.unit, self.volume)
        if self.day is not None:
            for field, values in (("volume", self.volume), ("sum", self.sum)):
                if len(values) > 1:
                    yield Complaint(field, "a single day takes a single value")


class InternetSessionRecord(Record):
    """One time that a line of home internet was online; one that lasts has no `ended_at` yet."""

    type: Literal["internet_session"]
    line: Identifier
    started_at: MomentField
    ended_at: MomentField | None = None
    ip: IpAddress | None = None
    unit: FileUnit = FileUnit.MB
    received: Volume
    sent: Volume
    cost: NotNegativeAmount = 0

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        if self.unit.unit is not UsageUnit.BYTE:
            yield Complaint("unit", "must be BYTE, KB, MB or GB")
            return
        for field, volume in (("received", self.received), ("sent", self.sent)):
            if self.unit.stored(volume) > _MOST_BYTES:
                yield Complaint(field, "is more than can be counted")


class MoneyRecord(Record):
    """Money that came to or left an account, once `at` a moment or on each of `days`; `key` names it for ever."""

    account: Ref
    key: Key
    at: MomentField | None = None
    days: tuple[DayField, DayField] | None = None
    amount: PositiveAmount

    def complaints(self, profiles: Profiles) -> Iterator[Complaint]:
        if (self.at is None) == (self.days is None):
            yield Complaint("at", "give exactly one of at and days")


class PaymentRecord(MoneyRecord):
    """A payment into an account."""

    type: Literal["payment"]


class FeeRecord(MoneyRecord):
    """A fee taken from an account."""

    type: Literal["fee"]


AnyRecord = (
    PersonRecord
    | ContractRecord
    | AccountRecord
    | LineRecord
    | HouseholdRecord
    | LinkRecord
    | UsageRecord
    | InternetSessionRecord
    | PaymentRecord
    | FeeRecord
)

# The field that tells the types of records apart.
RECORD: TypeAdapter[AnyRecord] = TypeAdapter(Annotated[AnyRecord, Field(discriminator="type")])


def of_day(values: tuple[T, ...], ordinal: int) -> T:
    """The value of one day when `values` repeat: seven of them are a week from Monday to Sunday.

    `ordinal` is `date.toordinal()`, so a day has the same value whenever the file is loaded.
    """
    return values[(ordinal - 1) % len(values)]


def address(text: str, profile: Profile) -> str:
    """The key of a line that another record names: the E.164 digits of a number, or a service point as it is."""
    return normalize(text, profile) or text


def not_a_number(text: str, profile: Profile) -> str:
    """Why `text` is no number of the profile."""
    operator = profile.operator
    form = f"+{operator.msisdn_country_code} and {operator.msisdn_national_length} digits"
    return f"{text!r} is not a number of {operator.id}: {form}"


def _sold(kind: ServiceKind, profile: Profile) -> Iterator[Complaint]:
    if kind not in profile.operator.service_kinds:
        yield Complaint("kind", f"{profile.operator.id} does not sell {kind}")


def _twice(field: str, names: Sequence[Hashable]) -> Iterator[Complaint]:
    seen: set[Hashable] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Complaint(f"{field}.{index}", "is there twice")
        seen.add(name)


def _whole_kopecks(field: str, unit: FileUnit, volumes: Sequence[Decimal]) -> Iterator[Complaint]:
    if unit is FileUnit.MONEY and any(volume != round(volume, 2) for volume in volumes):
        yield Complaint(field, "money has at most two decimals")
