"""Who moves money, as the settings say it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from gateways.accounts import BankAccount, YooKassaAccount
from gateways.bank import BankProvider
from gateways.crediting import HttpCrediting
from gateways.payments import PaymentProvider, UnconfiguredProvider
from gateways.yookassa import YooKassaProvider
from server.bank_process import local_bank
from server.settings import Settings
from services.payment_row import Desk

Providers = Callable[[Settings], AbstractAsyncContextManager[PaymentProvider]]


@asynccontextmanager
async def payment_desk(settings: Settings, providers: "Providers | None" = None) -> AsyncIterator[Desk]:
    """Where payments are made, connected for the life of the block; `providers` stands in for the settings' own."""
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context((providers or payment_provider)(settings))
        account = settings.crediting_account
        crediting = await stack.enter_async_context(HttpCrediting(account)) if account is not None else None
        yield Desk(provider, settings.payment_patience_seconds, crediting)


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
