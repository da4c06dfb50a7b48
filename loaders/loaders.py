"""All loaders of one request, made when they are first asked for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property, partial
from typing import TypeVar

from domain.usage import UsageUnit
from gateways.billing import Balance, PackageRemain, UsageItem, UsageKey
from loaders.account_by_id import account_by_id
from loaders.accounts_by_contract_id import accounts_by_contract_id
from loaders.actor import AuditActor
from loaders.balance_by_account_id import balance_by_account_id
from loaders.batch import K, Loader
from loaders.block_by_line_id import LineBlock, block_by_line_id
from loaders.bonus_by_account_id import BonusAccount, bonus_by_account_id
from loaders.catalogue import Service, Tariff
from loaders.catalogue_by_id import service_by_id, tariff_by_id
from loaders.child_by_line_id import child_by_line_id
from loaders.connector_by_subscription_id import connector_by_subscription_id
from loaders.contract_by_id import Contract, contract_by_id
from loaders.households_by_user_id import Household, households_by_user_id
from loaders.internet_by_line_id import Internet, internet_by_line_id
from loaders.invitations_by_household_id import Invitation, invitations_by_household_id
from loaders.kin_by_user_id import Kin, kin_by_user_id
from loaders.limits_by_line_id import UsageLimit, limits_by_line_id
from loaders.line_by_id import line_by_id
from loaders.lines_by_account_id import lines_by_account_id
from loaders.lines_by_user_id import lines_by_user_id
from loaders.link_requests_allowed_by_line_id import link_requests_allowed_by_line_id
from loaders.months_of_use_by_line_id import months_of_use_by_line_id
from loaders.number_links import (
    NumberLink,
    number_link_by_id,
    number_link_by_line_id,
    number_links_by_household_id,
)
from loaders.pool_by_household_id import DataPool, pool_by_household_id
from loaders.promised_payment_by_account_id import TrustFacts, promised_payment_by_account_id
from loaders.refunds_by_payment_id import Refund, refunds_by_payment_id
from loaders.remains_by_line_id import remains_by_line_id
from loaders.ringback_by_line_id import Ringback, ringback_by_line_id
from loaders.ringback_tone import RingbackTone, ringback_tone_by_id
from loaders.scope import ReadScope
from loaders.service_relations import incompatible_services_by_service_id, required_services_by_service_id
from loaders.services_by_line_id import (
    ServiceSubscription,
    service_subscription_by_id,
    services_by_line_id,
)
from loaders.services_offered_by_key import OfferCountKey, OfferKey, offer_count_by_key, services_offered_by_key
from loaders.sharing_by_line_id import Giving, sharing_by_line_id
from loaders.social_accounts_by_user_id import SocialAccount, social_accounts_by_user_id
from loaders.spending_by_key import Charges, SpendingKey, spending_by_key
from loaders.spent_by_key import Spent, spent_by_key
from loaders.tariff_before_by_line_id import TariffBefore, tariff_before_by_line_id
from loaders.tariff_subscription_by_line_id import TariffSubscription, tariff_subscription_by_line_id
from loaders.tariffs_for_rating_by_line_id import Rateable, Sold, rated_tariff_by_line_id, tariffs_for_rating_by_line_id
from loaders.transfer_by_household_id import Transfer, transfer_by_household_id
from loaders.tv_by_line_id import TvFacts, tv_by_line_id
from loaders.usage_by_key import usage_by_key
from loaders.visible import Account, Line
from models.child_policy import Child

V = TypeVar("V")

_Batch = Callable[[ReadScope, Sequence[K]], Awaitable[Mapping[K, V]]]


class Loaders:
    """A loader is named `<value>_by_<key>` and lives as long as the request: a cache never outlives it."""

    def __init__(self, scope: ReadScope) -> None:
        self.scope = scope

    def level_by_level(self) -> None:
        """From now on a level is complete before the next one begins, and all of it may be read at once."""
        self.scope.batches.level_by_level = self.scope.reads.together = True

    @cached_property
    def account_by_id(self) -> Loader[int, Account | None]:
        return self._one(account_by_id)

    @cached_property
    def accounts_by_contract_id(self) -> Loader[int, list[Account]]:
        return self._many(accounts_by_contract_id)

    @cached_property
    def balance_by_account_id(self) -> Loader[int, Balance | None]:
        return self._one(balance_by_account_id)

    @cached_property
    def block_by_line_id(self) -> Loader[int, LineBlock | None]:
        return self._one(block_by_line_id)

    @cached_property
    def bonus_by_account_id(self) -> Loader[int, BonusAccount | None]:
        return self._one(bonus_by_account_id)

    @cached_property
    def child_by_line_id(self) -> Loader[int, Child | None]:
        return self._one(child_by_line_id)

    @cached_property
    def connector_by_subscription_id(self) -> Loader[int, AuditActor | None]:
        return self._one(connector_by_subscription_id)

    @cached_property
    def contract_by_id(self) -> Loader[int, Contract | None]:
        return self._one(contract_by_id)

    @cached_property
    def households_by_user_id(self) -> Loader[int, list[Household]]:
        return self._many(households_by_user_id)

    @cached_property
    def incompatible_services_by_service_id(self) -> Loader[int, list[Service]]:
        return self._many(incompatible_services_by_service_id)

    @cached_property
    def kin_by_user_id(self) -> Loader[int, Kin | None]:
        return self._one(kin_by_user_id)

    @cached_property
    def internet_by_line_id(self) -> Loader[int, Internet | None]:
        return self._one(internet_by_line_id)

    @cached_property
    def invitations_by_household_id(self) -> Loader[int, list[Invitation]]:
        return self._many(invitations_by_household_id)

    @cached_property
    def limits_by_line_id(self) -> Loader[int, list[UsageLimit]]:
        return self._many(limits_by_line_id)

    @cached_property
    def link_requests_allowed_by_line_id(self) -> Loader[int, bool | None]:
        return self._one(link_requests_allowed_by_line_id)

    @cached_property
    def line_by_id(self) -> Loader[int, Line | None]:
        return self._one(line_by_id)

    @cached_property
    def lines_by_account_id(self) -> Loader[int, list[Line]]:
        return self._many(lines_by_account_id)

    @cached_property
    def number_link_by_id(self) -> Loader[int, NumberLink | None]:
        return self._one(number_link_by_id)

    @cached_property
    def number_link_by_line_id(self) -> Loader[int, NumberLink | None]:
        return self._one(number_link_by_line_id)

    @cached_property
    def number_links_by_household_id(self) -> Loader[int, list[NumberLink]]:
        return self._many(number_links_by_household_id)

    @cached_property
    def lines_by_user_id(self) -> Loader[int, list[Line]]:
        return self._many(lines_by_user_id)

    @cached_property
    def pool_by_household_id(self) -> Loader[int, DataPool | None]:
        return self._one(pool_by_household_id)

    @cached_property
    def offer_count_by_key(self) -> Loader[OfferCountKey, int]:
        return self._loader(offer_count_by_key, int)

    @cached_property
    def promised_payment_by_account_id(self) -> Loader[int, TrustFacts | None]:
        return self._one(promised_payment_by_account_id)

    @cached_property
    def refunds_by_payment_id(self) -> Loader[int, list[Refund]]:
        return self._many(refunds_by_payment_id)

    @cached_property
    def remains_by_line_id(self) -> Loader[int, list[PackageRemain]]:
        return self._many(remains_by_line_id)

    @cached_property
    def ringback_by_line_id(self) -> Loader[int, Ringback | None]:
        return self._one(ringback_by_line_id)

    @cached_property
    def required_services_by_service_id(self) -> Loader[int, list[Service]]:
        return self._many(required_services_by_service_id)

    @cached_property
    def ringback_tone_by_id(self) -> Loader[int, RingbackTone | None]:
        return self._one(ringback_tone_by_id)

    @cached_property
    def service_by_id(self) -> Loader[int, Service | None]:
        return self._one(service_by_id)

    @cached_property
    def service_subscription_by_id(self) -> Loader[int, ServiceSubscription | None]:
        return self._one(service_subscription_by_id)

    @cached_property
    def services_by_line_id(self) -> Loader[int, list[ServiceSubscription]]:
        return self._many(services_by_line_id)

    @cached_property
    def sharing_by_line_id(self) -> Loader[int, Giving | None]:
        return self._one(sharing_by_line_id)

    @cached_property
    def services_offered_by_key(self) -> Loader[OfferKey, list[Service]]:
        return self._many(services_offered_by_key)

    @cached_property
    def social_accounts_by_user_id(self) -> Loader[int, list[SocialAccount]]:
        return self._many(social_accounts_by_user_id)

    @cached_property
    def spending_by_key(self) -> Loader[SpendingKey, list[Charges] | None]:
        return self._one(spending_by_key)

    @cached_property
    def tariff_before_by_line_id(self) -> Loader[int, TariffBefore | None]:
        return self._one(tariff_before_by_line_id)

    @cached_property
    def tariff_by_id(self) -> Loader[int, Tariff | None]:
        return self._one(tariff_by_id)

    @cached_property
    def tariff_subscription_by_line_id(self) -> Loader[int, TariffSubscription | None]:
        return self._one(tariff_subscription_by_line_id)

    @cached_property
    def tariffs_for_rating_by_line_id(self) -> Loader[int, Sold]:
        return self._loader(tariffs_for_rating_by_line_id, lambda: Sold((), {}, None))

    @cached_property
    def rated_tariff_by_line_id(self) -> Loader[int, Rateable | None]:
        return self._one(rated_tariff_by_line_id)

    @cached_property
    def months_of_use_by_line_id(self) -> Loader[int, list[dict[UsageUnit, Decimal]]]:
        return self._many(months_of_use_by_line_id)

    @cached_property
    def transfer_by_household_id(self) -> Loader[int, Transfer | None]:
        return self._one(transfer_by_household_id)

    @cached_property
    def spent_by_key(self) -> Loader[UsageKey, list[Spent]]:
        return self._many(spent_by_key)

    @cached_property
    def tv_by_line_id(self) -> Loader[int, TvFacts | None]:
        return self._one(tv_by_line_id)

    @cached_property
    def usage_by_key(self) -> Loader[UsageKey, list[UsageItem]]:
        return self._many(usage_by_key)

    def _one(self, batch: "_Batch[K, V | None]") -> Loader[K, V | None]:
        return self._loader(batch, lambda: None)

    def _many(self, batch: "_Batch[K, list[V]]") -> Loader[K, list[V]]:
        return self._loader(batch, list)

    def _loader(self, batch: "_Batch[K, V]", missing: Callable[[], V]) -> Loader[K, V]:
        name = getattr(batch, "__name__", "loader")
        return Loader(name, partial(batch, self.scope), missing, self.scope.reads, self.scope.batches)
