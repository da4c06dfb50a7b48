"""Strawberry on Tortoise as its tutorials have it: types with resolvers, loaders of models, nothing tuned.

Its session and what the viewer may see are found by the same statements as everybody's, and so is what is on an
account. Of a household's shared pool of gigabytes it knows nothing; nobody in the benchmark has one.
"""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from tortoise import Tortoise
from tortoise.connection import get_connection

from bench.peers.python import access, dashboard, naive_loaders
from bench.peers.python.peer import SETUP
from domain.access import HouseholdRole, Scope
from domain.catalogue import FeePeriod
from domain.line import LineStatus, ServiceKind
from models import catalogue
from models.catalogue import ServiceSubscription as Connected
from models.database import tortoise_config
from models.household import Membership, MembershipStatus


class _Statements:
    """What every peer sends as it is, through Tortoise."""

    async def rows(self, name: str, *values: object) -> Sequence[Any]:
        _, rows = await get_connection("default").execute_query(SETUP["statements"][name], list(values))
        return rows


_statements = _Statements()


class Context:
    """One request: the viewer and the loaders."""

    def __init__(self, viewer: dashboard.Viewer | None) -> None:
        self.viewer = viewer
        self.accounts = DataLoader(self._accounts)
        self.balances = DataLoader(_balances)
        self.packages = DataLoader(naive_loaders.packages)
        self.usage = DataLoader(naive_loaders.usage)
        self.tariffs = DataLoader(naive_loaders.tariffs)
        self.services = DataLoader(naive_loaders.services)

    @property
    def signed_in(self) -> dashboard.Viewer:
        assert self.viewer is not None
        return self.viewer

    async def _accounts(self, keys: list[int]) -> list["PersonalAccount | None"]:
        rows = await _statements.rows("accounts_by_id", *self.signed_in.seen, keys)
        found = {row["id"]: _account(row, self.signed_in) for row in rows}
        return [found.get(key) for key in keys]


async def _balances(keys: list[int]) -> list["Balance | None"]:
    found = {row["account_id"]: _balance(row) for row in await _statements.rows("balances", keys)}
    return [found.get(key) for key in keys]


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


@strawberry.type
class Money:
    amount: str
    currency: str


@strawberry.type
class Balance:
    available: Money
    reserved: Money
    next_charge: Money | None
    next_charge_at: datetime | None
    as_of: datetime
    stale: bool


@strawberry.type
class PackageRemain:
    name: str
    unit: str
    left: str
    total: str
    unlimited: bool
    resets_at: datetime | None


@strawberry.type
class UsageItem:
    unit: str
    used: str
    direction: str


@strawberry.type
class UsageSummary:
    items: list[UsageItem]


@strawberry.type
class Tariff:
    name: str
    fee: Money
    fee_period: strawberry.enum(FeePeriod)  # type: ignore[valid-type]


@strawberry.type
class Service:
    name: str
    fee: Money
    fee_period: strawberry.enum(FeePeriod)  # type: ignore[valid-type]


@strawberry.type
class TariffSubscription:
    tariff: Tariff
    since: datetime
    next_charge_at: datetime | None


@strawberry.type
class ServiceSubscription:
    service: Service
    since: datetime


@strawberry.type
class ServiceEdge:
    node: ServiceSubscription


@strawberry.type
class ServiceConnection:
    edges: list[ServiceEdge]


@strawberry.type
class PersonalAccount:
    key: strawberry.Private[int]
    may: strawberry.Private[int]
    number: str
    kind: strawberry.enum(ServiceKind)  # type: ignore[valid-type]
    status: strawberry.enum(LineStatus)  # type: ignore[valid-type]

    @strawberry.field
    async def balance(self, info: strawberry.Info[Context, None]) -> Balance | None:
        return await info.context.balances.load(self.key) if self.may & access.VIEW else None


@strawberry.type
class Line:
    key: strawberry.Private[int]
    account_id: strawberry.Private[int]
    may: strawberry.Private[int]
    msisdn: str | None
    label: str | None
    kind: strawberry.enum(ServiceKind)  # type: ignore[valid-type]
    status: strawberry.enum(LineStatus)  # type: ignore[valid-type]
    is_own: bool
    my_scopes: list[strawberry.enum(Scope)]  # type: ignore[valid-type]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(base64.urlsafe_b64encode(f"Line:{self.key}".encode()).rstrip(b"=").decode())

    @strawberry.field
    async def balance(self, info: strawberry.Info[Context, None]) -> Balance | None:
        return await info.context.balances.load(self.account_id) if self.may & access.VIEW else None

    @strawberry.field
    async def remains(self, info: strawberry.Info[Context, None]) -> list[PackageRemain] | None:
        if not self.may & access.VIEW:
            return None
        return [
            PackageRemain(
                name=counter.name,
                unit=counter.unit,
                left=_plain(counter.remaining),
                total=_plain(counter.total),
                unlimited=counter.unlimited,
                resets_at=counter.resets_at or counter.expires_at,
            )
            for counter in await info.context.packages.load(self.key)
        ]

    @strawberry.field
    async def usage(self, info: strawberry.Info[Context, None]) -> UsageSummary | None:
        if not self.may & access.USAGE:
            return None
        rows = await info.context.usage.load(self.key)
        return UsageSummary(
            items=[UsageItem(unit=row["unit"], used=_plain(row["used"]), direction=row["type"]) for row in rows]
        )

    @strawberry.field
    async def tariff(self, info: strawberry.Info[Context, None]) -> TariffSubscription | None:
        found = await info.context.tariffs.load(self.key) if self.may & access.VIEW else None
        if found is None:
            return None
        tariff = Tariff(name=found.tariff.name, fee=_fee(found.tariff), fee_period=found.tariff.fee_period)
        return TariffSubscription(tariff=tariff, since=found.since, next_charge_at=found.next_charge_at)

    @strawberry.field
    async def connected_services(
        self, info: strawberry.Info[Context, None], first: int = 20
    ) -> ServiceConnection | None:
        if not self.may & access.VIEW:
            return None
        found = await info.context.services.load(self.key)
        return ServiceConnection(edges=[ServiceEdge(node=_connected(row)) for row in found[:first]])

    @strawberry.field
    async def personal_account(self, info: strawberry.Info[Context, None]) -> PersonalAccount | None:
        return await info.context.accounts.load(self.account_id)


@strawberry.type
class LineEdge:
    node: Line


@strawberry.type
class LineConnection:
    edges: list[LineEdge]


@strawberry.type
class PersonalAccountEdge:
    node: PersonalAccount


@strawberry.type
class PersonalAccountConnection:
    edges: list[PersonalAccountEdge]


@strawberry.type
class HouseholdMember:
    display_name: str
    role: strawberry.enum(HouseholdRole)  # type: ignore[valid-type]


@strawberry.type
class Household:
    key: strawberry.Private[int]
    name: str
    my_role: strawberry.enum(HouseholdRole)  # type: ignore[valid-type]

    @strawberry.field
    async def members(self) -> list[HouseholdMember]:
        found = await Membership.filter(household_id=self.key, status=MembershipStatus.ACTIVE).select_related("user")
        found.sort(key=lambda member: (member.role != HouseholdRole.OWNER, member.joined_at, member.id))
        return [HouseholdMember(display_name=member.user.display_name, role=member.role) for member in found]


@strawberry.type
class User:
    display_name: str


@strawberry.type
class Viewer:
    user_id: strawberry.Private[int]
    user: User

    @strawberry.field
    async def household(self) -> Household | None:
        mine = await Membership.filter(
            user_id=self.user_id, status=MembershipStatus.ACTIVE, household__dissolved_at=None
        ).select_related("household")
        mine.sort(key=lambda member: (member.role != HouseholdRole.OWNER, member.joined_at, member.id))
        return Household(key=mine[0].household.id, name=mine[0].household.name, my_role=mine[0].role) if mine else None

    @strawberry.field
    async def linked_numbers(self, info: strawberry.Info[Context, None], first: int = 20) -> LineConnection:
        viewer = info.context.signed_in
        lines = [_line(row, viewer) for row in await _statements.rows("lines", *viewer.seen, first)]
        return LineConnection(edges=[LineEdge(node=line) for line in lines if line.may])

    @strawberry.field
    async def personal_accounts(
        self, info: strawberry.Info[Context, None], first: int = 20
    ) -> PersonalAccountConnection:
        viewer = info.context.signed_in
        rows = await _statements.rows("accounts", *viewer.seen, first)
        accounts = [account for row in rows if (account := _account(row, viewer))]
        return PersonalAccountConnection(edges=[PersonalAccountEdge(node=account) for account in accounts])


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: strawberry.Info[Context, None]) -> Viewer | None:
        viewer = info.context.viewer
        return Viewer(user_id=viewer.user_id, user=User(display_name=viewer.display_name)) if viewer else None


def _line(row: dashboard.Row, viewer: dashboard.Viewer) -> Line:
    may = _rights(row, viewer)
    return Line(
        key=row["id"],
        account_id=row["account_id"],
        may=may,
        msisdn=row["msisdn"],
        label=row["label"],
        kind=ServiceKind(row["kind"]),
        status=LineStatus(row["status"]),
        is_own=row["is_own"],
        my_scopes=[Scope(name) for name in access.names(may)],
    )


def _account(row: dashboard.Row, viewer: dashboard.Viewer) -> PersonalAccount | None:
    may = _rights(row, viewer)
    if not may:
        return None
    return PersonalAccount(
        key=row["id"],
        may=may,
        number=row["number"],
        kind=ServiceKind(row["kind"]),
        status=LineStatus(row["status"]),
    )


def _rights(row: dashboard.Row, viewer: dashboard.Viewer) -> int:
    return access.rights({**row, "grants": json.loads(row["grants"] or "null")}, viewer.level)


def _balance(row: dashboard.Row) -> Balance:
    return Balance(
        available=_money(row["balance"], row["currency"]),
        reserved=_money(row["reserved"], row["currency"]),
        next_charge=None if row["charge"] is None else _money(row["charge"], row["currency"]),
        next_charge_at=row["at"],
        as_of=row["now"],
        stale=False,
    )


def _connected(row: Connected) -> ServiceSubscription:
    service = Service(name=row.service.name, fee=_fee(row.service), fee_period=row.service.fee_period)
    return ServiceSubscription(service=service, since=row.since)


def _fee(offer: "catalogue.Tariff | catalogue.Service") -> Money:
    return _money(offer.fee, SETUP["currency"])


def _money(minor: int, currency: str) -> Money:
    return Money(amount=f"{minor / 100:.2f}", currency=currency)


class _App(GraphQL[Context, None]):
    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return Context(await dashboard.authenticate(_statements, request.headers.get("authorization")))


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    await Tortoise.init(config=tortoise_config(SETUP["database_url"], SETUP["pool"]), _enable_global_fallback=True)
    yield
    await Tortoise.close_connections()


app = Starlette(lifespan=_lifespan)
app.mount("/graphql", _App(strawberry.Schema(query=Query)))
