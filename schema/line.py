"""Lines, personal accounts and contracts."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from domain.access import Scope
from domain.line import ContractKind, ContractStatus, LineStatus, ServiceKind
from execution.batched import Load, batched
from loaders import contract_by_id, visible
from loaders.services_by_line_id import ServiceSubscription as ConnectedService
from resolvers import (
    catalogue,
    contract,
    data_gift,
    document,
    page,
    payment,
    service_history,
    spending_category,
    tariff_history,
    tariff_recommendation,
    tv,
    usage,
    usage_limit,
)
from resolvers import child_policy as policies
from resolvers import internet as internets
from resolvers import promised_payment as promised
from resolvers import ringback as ringbacks
from resolvers.context import Info
from schema.balance import Balance, BonusAccount, PackageRemain, SpendingCategory, UsageSummary
from schema.catalogue import Service, ServiceFilter, ServiceSubscription
from schema.document import Document
from schema.node import AFTER, FIRST, Connection, Node, backed_by
from schema.number_link import NumberLink
from schema.promised_payment import PromisedPaymentState
from schema.scalars import MSISDN, AccountNumber
from schema.service_history import ServiceEvent
from schema.tariff_history import TariffHistoryEntry
from schema.tariff_recommendation import TariffRecommendation, TariffSurveyInput
from schema.tv import TvState

# A line names its account and its contract, which name their lines in turn.
AccountOfLine = Annotated["PersonalAccount", strawberry.lazy("schema.line")]
ContractOfLine = Annotated["Contract", strawberry.lazy("schema.line")]
BlockOfLine = Annotated["LineBlock", strawberry.lazy("schema.line_block")]  # type: ignore[name-defined]  # noqa: F821
# What changes a tariff answers the line.
TariffOfLine = Annotated["TariffSubscription", strawberry.lazy("schema.tariff")]  # type: ignore[name-defined]  # noqa: F821
# A payment names its line and its account, which name their payments.
PaymentOfAccount = Annotated["Payment", strawberry.lazy("schema.payment")]  # type: ignore[name-defined]  # noqa: F821
# Setting a limit or a policy answers the line.
LimitOfLine = Annotated["UsageLimit", strawberry.lazy("schema.usage_limit")]  # type: ignore[name-defined]  # noqa: F821
PolicyOfLine = Annotated["ChildPolicy", strawberry.lazy("schema.child_policy")]  # type: ignore[name-defined]  # noqa: F821
# Giving gigabytes answers the line.
SharingOfLine = Annotated["SharingState", strawberry.lazy("schema.data_gift")]  # type: ignore[name-defined]  # noqa: F821
InternetOfLine = Annotated["InternetState", strawberry.lazy("schema.internet")]  # type: ignore[name-defined]  # noqa: F821
RingbackOfLine = Annotated["RingbackSettings", strawberry.lazy("schema.ringback")]  # type: ignore[name-defined]  # noqa: F821
FilterOfPayments = Annotated["PaymentFilter", strawberry.lazy("schema.payment")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.input(description="Days of the operator's calendar, both included")
class DateRangeInput:
    first: date = strawberry.field(name="from", description="The first day")
    last: date = strawberry.field(name="to", description="The last day")


@strawberry.type(
    description=(
        "A mobile number, or one service point of internet, TV or telephony. What the viewer may not see of it is "
        "null, and `myScopes` says why"
    )
)
class Line(Node):
    msisdn: MSISDN | None = strawberry.field(description="The number; null for lines without one")
    service_point: str | None = strawberry.field(description="What names a line without a number; null for the others")
    label: str | None = strawberry.field(description='What the household calls it, such as "Бабушка"')
    kind: ServiceKind = strawberry.field(description="Which service it is")
    status: LineStatus = strawberry.field(description="Whether it works, and if not, why")
    is_own: bool = strawberry.field(description="Whether the viewer holds this SIM")
    my_scopes: list[Scope] = strawberry.field(
        description="What the viewer may do with it: role, link, session and operator's profile taken together"
    )
    personal_account: PersonalAccount | None = batched(
        AccountOfLine | None,
        loader="account_by_id",
        key="account_id",
        description="The account that pays for it, with the viewer's rights over that account",
    )
    balance: Balance | None = batched(
        Balance | None,
        loader="balance_by_account_id",
        key="account_id",
        scope=Scope.VIEW,
        description="The money of its personal account; null without the scope VIEW",
    )
    remains: list[PackageRemain] | None = batched(
        list[PackageRemain] | None,
        loader="remains_by_line_id",
        key="id",
        scope=Scope.VIEW,
        description="What is left of its packages (F056): what is used first, first. What it may take of its "
        "household's pool is one of them. Null without the scope VIEW",
    )
    tariff: TariffOfLine | None = batched(
        TariffOfLine | None,
        loader="tariff_subscription_by_line_id",
        key="id",
        scope=Scope.VIEW,
        description="Its tariff; null without the scope VIEW, or where it has none",
    )

    block: BlockOfLine | None = batched(
        BlockOfLine | None,
        loader="block_by_line_id",
        key="id",
        scope=Scope.VIEW,
        description="Who blocked it, why and since when (F121); null without the scope VIEW, or where nobody did",
    )
    link: NumberLink | None = batched(
        NumberLink | None,
        loader="number_link_by_line_id",
        key="id",
        description="How a household of the viewer's came to look after it; null for own lines, and for whoever may "
        "not see the household's links",
    )

    link_requests_allowed: bool | None = batched(
        bool | None,
        loader="link_requests_allowed_by_line_id",
        key="id",
        description="Whether others may ask to be linked to it, as `setLinkPrivacy` says (E16); null for whoever is "
        "not its user",
    )

    is_type_of = backed_by(visible.Line)

    @strawberry.field(
        graphql_type=ContractOfLine | None,
        description="The contract it belongs to; null without the scope VIEW or DOCUMENTS over its personal account",
    )
    async def contract(parent: strawberry.Parent[visible.Line], info: Info) -> contract_by_id.Contract | None:
        return await contract.of_line(info.context, parent.account_id)

    @strawberry.field(graphql_type=UsageSummary | None, description="What it used; null without the scope USAGE (F058)")
    def usage(
        parent: strawberry.Parent[visible.Line],
        info: Info,
        period: Annotated[
            DateRangeInput | None, strawberry.argument(description="At most 366 days; the running month when left out")
        ] = None,
    ) -> Load[usage.UsageSummary] | None:
        first, last = (period.first, period.last) if period else (None, None)
        return usage.usage(info.context, parent, first, last)

    @strawberry.field(
        graphql_type=list[SpendingCategory] | None,
        description="What it spent, by kind, the most first; what was paid in or given back is not spent. Null without "
        "the scope USAGE (F058)",
    )
    async def spending_by_category(
        parent: strawberry.Parent[visible.Line],
        info: Info,
        period: Annotated[
            DateRangeInput | None, strawberry.argument(description="At most 366 days; the running month when left out")
        ] = None,
    ) -> object:
        first, last = (period.first, period.last) if period else (None, None)
        return await spending_category.by_category(info.context, parent, first, last)

    @strawberry.field(
        graphql_type=SharingOfLine | None,
        description="What it may give away of its gigabytes, and what it was given (F118); null without the scope "
        "VIEW, and where it is no mobile number",
    )
    async def sharing(parent: strawberry.Parent[visible.Line], info: Info) -> object:
        return await data_gift.state(info.context, parent)

    @strawberry.field(
        graphql_type=PromisedPaymentState | None,
        description="Money to be had on trust, and what of it is owed (F081); null without the scope VIEW",
    )
    async def promised_payment(parent: strawberry.Parent[visible.Line], info: Info) -> promised.State | None:
        return await promised.state(info.context, parent)

    @strawberry.field(
        graphql_type=list[LimitOfLine] | None,
        description="How much it may use and spend (F048); null without the scopes USAGE and LIMITS",
    )
    async def limits(parent: strawberry.Parent[visible.Line], info: Info) -> object:
        return await usage_limit.limits(info.context, parent)

    @strawberry.field(
        graphql_type=Connection[TariffHistoryEntry] | None,
        description="What happened to its tariff, newest first (F107); null without the scope VIEW, and where the "
        "operator does not show it",
    )
    async def tariff_history(
        parent: strawberry.Parent[visible.Line],
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object | None:
        return await tariff_history.history(info.context, parent, first, after)

    @strawberry.field(
        graphql_type=list[TariffRecommendation] | None,
        description="Tariffs that would cost it less, by what it used in the last three months and by what is said "
        "here (F105); empty where its own is the best. Null without the scopes VIEW and USAGE, where it has no tariff, "
        "and where the operator recommends none",
    )
    async def recommended_tariffs(
        parent: strawberry.Parent[visible.Line],
        info: Info,
        answers: Annotated[TariffSurveyInput | None, strawberry.argument(description="What its user says")] = None,
    ) -> object | None:
        survey = answers.survey() if answers else tariff_recommendation.Survey()
        return await tariff_recommendation.recommended(info.context, parent, survey)

    @strawberry.field(
        graphql_type=PolicyOfLine | None,
        description="What it may do (F048); null where its user is no child, and without the scopes USAGE and LIMITS",
    )
    async def child_policy(parent: strawberry.Parent[visible.Line], info: Info) -> object:
        return await policies.policy(info.context, parent)

    @strawberry.field(
        graphql_type=InternetOfLine | None,
        description="Its speed, its sessions and what extends it (F131); null without the scope VIEW, and for lines "
        "that do not go online",
    )
    async def internet(parent: strawberry.Parent[visible.Line], info: Info) -> object:
        return await internets.of_line(info.context, parent)

    @strawberry.field(
        graphql_type=RingbackOfLine | None,
        description="What its callers hear and read (F126, F128); null without the scope VIEW, and where neither is to "
        "be had",
    )
    async def ringback(parent: strawberry.Parent[visible.Line], info: Info) -> object:
        return await ringbacks.of_line(info.context, parent)

    @strawberry.field(
        graphql_type=Connection[ServiceSubscription] | None,
        description="The services connected to it (F113); null without the scope VIEW",
    )
    def connected_services(
        parent: strawberry.Parent[visible.Line],
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> Load[page.Page[ConnectedService]] | None:
        if not parent.allows(Scope.VIEW):
            return None
        return Load(
            info.context.loaders.services_by_line_id,
            parent.id,
            lambda subscriptions: page.slice_of(subscriptions, first, after, lambda subscription: subscription.id),
        )

    @strawberry.field(
        graphql_type=Connection[Service] | None,
        description="The services that it may be offered: what fits it, is sold where it is, and is not connected or "
        "forbidden by a child's policy (F114); null without the scope VIEW",
    )
    async def available_services(
        parent: strawberry.Parent[visible.Line],
        info: Info,
        filter: Annotated[ServiceFilter | None, strawberry.argument(description="Which services")] = None,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object | None:
        given = filter or ServiceFilter()
        return await catalogue.available_services(
            info.context, parent, first, after, given.wanted(), given.available_for_line
        )

    @strawberry.field(
        graphql_type=Connection[ServiceEvent] | None,
        description="What happened to its services and who did it, newest first (F116); null without the scopes USAGE "
        "and SERVICES",
    )
    async def service_history(
        parent: strawberry.Parent[visible.Line],
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object | None:
        return await service_history.history(info.context, parent, first, after)

    @strawberry.field(
        graphql_type=TvState | None,
        description="Its television (F129); null without the scope VIEW, and where there is none to be had",
    )
    async def tv(parent: strawberry.Parent[visible.Line], info: Info) -> object:
        return await tv.state(info.context, parent)


@strawberry.type(
    description="A personal account (лицевой счёт): what is paid for one or more lines (F046). Each has its own money"
)
class PersonalAccount(Node):
    number: AccountNumber = strawberry.field(description="The number to pay to; not always that of the contract")
    kind: ServiceKind = strawberry.field(description="Which service it pays for")
    status: LineStatus = strawberry.field(description="Whether its services work, and if not, why")
    cash_payments_banned: bool = strawberry.field(description="Whether its holder forbade payments by card (F071)")
    my_scopes: list[Scope] = strawberry.field(description="What the viewer may do with it")
    balance: Balance | None = batched(
        Balance | None,
        loader="balance_by_account_id",
        key="account_id",
        scope=Scope.VIEW,
        description="Its money; null without the scope VIEW",
    )
    lines: list[Line] = batched(
        list[Line],
        loader="lines_by_account_id",
        key="id",
        description="Those of its lines that the viewer may have to do with",
    )
    bonus: BonusAccount | None = batched(
        BonusAccount | None,
        loader="bonus_by_account_id",
        key="id",
        scope=Scope.VIEW,
        description="Its bonuses (F061); null without the scope VIEW, or where the operator gives none",
    )

    is_type_of = backed_by(visible.Account)

    @strawberry.field(
        graphql_type=ContractOfLine | None,
        description="The contract it belongs to; null without the scope VIEW or DOCUMENTS",
    )
    def contract(parent: strawberry.Parent[visible.Account], info: Info) -> Load[contract_by_id.Contract | None] | None:
        return contract.of_account(info.context, parent)

    @strawberry.field(
        graphql_type=Connection[PaymentOfAccount],
        description="What was paid into it, newest first: all for whoever sees its payments, else what the viewer "
        "paid. A PARTIAL session sees none (F083)",
    )
    async def payments(
        parent: strawberry.Parent[visible.Account],
        info: Info,
        filter: Annotated[FilterOfPayments | None, strawberry.argument(description="Which payments")] = None,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        wanted = filter.wanted() if filter else payment.Filter()
        return await payment.account_payments(info.context, parent, wanted, first, after)

    @strawberry.field(
        graphql_type=Connection[Document] | None,
        description="The receipts of those payments that were made, newest first (F084)",
    )
    async def receipts(
        parent: strawberry.Parent[visible.Account],
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await document.receipts(info.context, parent, first, after)


@strawberry.type(description="An agreement with the operator (F030)")
class Contract(Node):
    number: str = strawberry.field(description="Its number; not always that of a personal account")
    kind: ContractKind = strawberry.field(description="Who it is with")
    status: ContractStatus = strawberry.field(description="Whether it is in force")
    holder_is_viewer: bool = strawberry.field(description="Whether the viewer signed it")
    signed_on: date | None = strawberry.field(description="The day it was signed")
    terminated_on: date | None = strawberry.field(description="The day it ended; null while it is in force")
    accounts: list[PersonalAccount] = batched(
        list[PersonalAccount],
        loader="accounts_by_contract_id",
        key="id",
        description="Those of its accounts that the viewer may have to do with",
    )

    is_type_of = backed_by(contract_by_id.Contract)
