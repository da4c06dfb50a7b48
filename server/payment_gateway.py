"""Who moves money, as the settings say it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateways.accounts import BankAccount, YooKassaAccount
from gateways.bank import BankProvider
from gateways.payments import PaymentProvider, UnconfiguredProvider
from gateways.yookassa import YooKassaProvider
from server.bank_process import local_bank
from server.settings import Settings


@asynccontextmanager
async def payment_provider(settings: Settings) -> AsyncIterator[PaymentProvider]:
    """The payment provider, connected for the life of the block.

    In development that is the bank simulator beside the server, unless another is configured. Where there is none,
    every call raises NoProvider.
    """
    account = settings.payments_account
    if account is None and settings.development:
        account = local_bank(settings)
    match account:
        case YooKassaAccount():
            async with YooKassaProvider(account) as yookassa:
                yield yookassa
        case BankAccount():
            async with BankProvider(account) as bank:
                yield bank
        case None:
            yield UnconfiguredProvider()
