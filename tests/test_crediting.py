"""E47: the bank says yes and the billing is away: the money is never lost, and the payment is complete in the end."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.money import CurrencyCode, Money
from domain.profile import Profile
from gateways.accounts import CreditingAccount
from gateways.crediting import Credit, CreditingUnavailable, HttpCrediting
from gateways.payments import Charged
from gateways.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, check_signature
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from server.settings import Settings, SettingsRejected, load_settings
from services import payment_recovery, payment_settlement
from services.payment_row import COLUMNS, Desk, PaymentRow, row_of
from tests.bank import served
from tests.conftest import SECRET, free_port

KEY = "the key that signs credits"
AMOUNT = Money(15_700, CurrencyCode.RUB)


class Away:
    """A billing that is away until it is told to come back."""

    def __init__(self) -> None:
        self.here = False
        self.credits: list[Credit] = []

    async def credit(self, credit: Credit) -> None:
        if not self.here:
            raise CreditingUnavailable("the billing cannot be reached")
        self.credits.append(credit)


@pytest.fixture
async def payment(
    app: Starlette, database: "asyncpg.Connection[asyncpg.Record]", demo_people: dict[str, Any]
) -> AsyncIterator[PaymentRow]:
    """A payment of Beeline's owner that the bank has not answered yet."""
    owner = demo_people["beeline"]["owner"]["msisdn"]
    row = await database.fetchrow(
        "insert into payment (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee,"
        " refunded, method_kind, save_method, hold, provider, provider_key, confirmation, created_at, check_at, checks)"
        " select l.operator, l.user_id, $2, '', 'TOP_UP', 'PROCESSING', l.account_id, '***', 'RUB', $3, 0, 0, 'CARD',"
        f" false, false, 'bank', $4, 'NONE', now(), now(), 0 from line l where l.msisdn = $1 returning {COLUMNS}",
        owner,
        str(uuid4()),
        AMOUNT.minor,
        uuid4(),
    )
    assert row is not None
    yield row_of(dict(row))
    await database.execute(
        "set session_replication_role = replica; delete from payment_notification; delete from payment;"
        " delete from ledger_entry where transfer_id in (select id from ledger_transfer where key like 'payment:%');"
        " delete from ledger_transfer where key like 'payment:%';"
        " update ledger_account a set balance = (select sum(amount) from ledger_entry where account_id = a.id)"
        " where balance is not null; truncate audit_event; set session_replication_role = default"
    )


async def balance(database: "asyncpg.Connection[asyncpg.Record]", account_id: int) -> int:
    found: int = await database.fetchval(
        "select balance from ledger_account where account_id = $1 and kind = 'PERSONAL'", account_id
    )
    return found


async def test_e47_billing_is_away_and_the_payment_is_complete_once_it_is_back(
    payment: PaymentRow, profiles: Mapping[str, Profile], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    billing, before = Away(), await balance(database, payment.account_id)
    desk = Desk(InProcessBank(Bank(address="http://bank.example")), 0.01, billing)
    charged = Charged("bank-1", AMOUNT, None)
    for _ in range(2):
        settled = await payment_settlement.conclude(desk, profiles["beeline"], payment, charged)
        assert (settled.status, settled.completed_at) == ("PROCESSING", None)
        assert settled.settled_at is not None, "the money is the subscriber's, whatever the billing does"
    assert await balance(database, payment.account_id) == before + AMOUNT.minor
    for _ in range(3):
        await database.execute("update payment set check_at = now()")
        assert await payment_recovery.recover(desk, profiles) == 1
    assert await database.fetchval("select status from payment") == "PROCESSING"

    billing.here = True
    await database.execute("update payment set check_at = now()")
    await payment_recovery.recover(desk, profiles)
    assert tuple(await database.fetchrow("select status, check_at from payment") or ()) == ("COMPLETED", None)
    [credit] = billing.credits
    assert (credit.key, credit.amount) == (str(payment.provider_key), AMOUNT)
    again = await payment_settlement.conclude(desk, profiles["beeline"], payment, charged)
    assert again.status == "COMPLETED"
    assert len(billing.credits) == 1
    assert await balance(database, payment.account_id) == before + AMOUNT.minor


async def test_e47_billing_hears_of_what_another_bank_had_charged(
    payment: PaymentRow, profiles: Mapping[str, Profile], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    billing = Away()
    desk = Desk(InProcessBank(Bank(address="http://bank.example")), 0.01, billing)
    await payment_settlement.conclude(desk, profiles["beeline"], payment, Charged("bank-1", AMOUNT, None))
    # Whoever runs the service changes banks while the billing is away.
    billing.here = True
    await database.execute("update payment set check_at = now(), provider = 'yookassa'")
    await payment_recovery.recover(desk, profiles)
    assert await database.fetchval("select status from payment") == "COMPLETED"
    assert len(billing.credits) == 1


async def test_a_code_for_another_bank_is_given_up_in_time(
    payment: PaymentRow, profiles: Mapping[str, Profile], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute(
        "update payment set status = 'AWAITING_CONFIRMATION', provider = 'yookassa', check_at = now(),"
        " confirm_by = now() - interval '1 second'"
    )
    await payment_recovery.recover(Desk(InProcessBank(Bank(address="http://bank.example"))), profiles)
    assert await database.fetchval("select status from payment") == "EXPIRED"
    assert payment.status == "PROCESSING"


@asynccontextmanager
async def billing_server(status: int) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A billing that answers every credit so, and keeps what it was told by somebody with the key."""
    told: list[dict[str, Any]] = []

    async def credits(request: Request) -> Response:
        body, headers = await request.body(), request.headers
        check_signature(body, headers[TIMESTAMP_HEADER], headers[SIGNATURE_HEADER], key=KEY, now=time.time())
        told.append(orjson.loads(body))
        return Response(status_code=status)

    async with served(Starlette(routes=[Route("/credits", credits, methods=["POST"])])) as address:
        yield f"{address}/credits", told


async def test_e47_credit_is_posted_signed_and_only_2xx_takes_it() -> None:
    credit = Credit("k", "beeline", "0890011001", AMOUNT)
    async with billing_server(204) as (url, told), HttpCrediting(CreditingAccount(url, KEY)) as crediting:
        await crediting.credit(credit)
    assert told == [{"key": "k", "operator": "beeline", "account": "0890011001", "amount": "157.00", "currency": "RUB"}]
    for status in (302, 400, 404, 409, 500, 503):
        async with billing_server(status) as (url, _), HttpCrediting(CreditingAccount(url, KEY)) as crediting:
            with pytest.raises(CreditingUnavailable):
                await crediting.credit(credit)
    async with HttpCrediting(CreditingAccount(f"http://127.0.0.1:{free_port()}/credits", KEY)) as crediting:
        with pytest.raises(CreditingUnavailable):
            await crediting.credit(credit)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://billing.example/credits", KEY),
        ("https://me@billing.example/credits", KEY),
        ("https://billing.example/credits", "short"),
        ("credits", KEY),
    ],
)
def test_e47_settings_that_would_tell_strangers_are_refused(url: str, key: str) -> None:
    given: dict[str, Any] = {
        "env": "production",
        "database_url": "postgresql://x/y",
        "secret": SECRET,
        "hosts": "a.example=beeline",
    }
    with pytest.raises(SettingsRejected) as refused:
        load_settings(**given, crediting_url=url, crediting_key=key)
    assert "CREDITING" in str(refused.value)
    assert KEY not in str(refused.value)
    assert Settings(**given, crediting_url="https://billing.example/credits", crediting_key=KEY).crediting_account
