"""Telling a billing system of our neighbour's that money came in, where the ledger is not all there is (DESIGN 2, E47).

Each credit has a key, and repeating it is harmless: the billing does it once. docs/payments.md describes the request.
"""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

import httpx2
import orjson

from domain.money import Money
from gateways.accounts import CreditingAccount
from gateways.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from models import watch

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that came to a personal account; `key` names the payment."""

    key: str
    operator: str
    account_number: str = field(repr=False)
    amount: Money


class CreditingUnavailable(Exception):
    """It is not known whether the billing has it: it is told again. The text names no account, for it is logged."""


class Crediting(Protocol):
    """A billing that keeps balances of its own. Raises CreditingUnavailable unless it surely has the credit."""

    async def credit(self, credit: Credit) -> None: ...


class HttpCrediting:
    """Posts each credit, signed: `async with HttpCrediting(account) as crediting`."""

    def __init__(self, account: CreditingAccount) -> None:
        self._account = account
        self._client = httpx2.AsyncClient(timeout=_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def credit(self, credit: Credit) -> None:
        body = orjson.dumps(
            {
                "key": credit.key,
                "operator": credit.operator,
                "account": credit.account_number,
                "amount": str(credit.amount.amount),
                "currency": credit.amount.currency,
            }
        )
        moment = int(time.time())
        headers = {
            "content-type": "application/json",
            TIMESTAMP_HEADER: str(moment),
            SIGNATURE_HEADER: sign(body, moment, self._account.key),
        }
        try:
            with watch.span("gateway crediting"):
                async with self._client.stream("POST", self._account.url, content=body, headers=headers) as response:
                    status = response.status_code
        except httpx2.HTTPError as error:
            raise CreditingUnavailable(f"the billing cannot be reached: {type(error).__name__}") from None
        # Whatever else it says, the money is the subscriber's: it is told again until it takes it.
        if not 200 <= status < 300:
            raise CreditingUnavailable(f"the billing answers {status}")
