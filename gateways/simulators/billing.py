"""Billing that misbehaves, to see a page render without it (`HEARTH_BILLING=down` or `slow`, development only)."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from gateways.billing import Balance, BillingUnavailable, PackageRemain, UsageItem, UsageKey
from models.reader import Reader


class BrokenBilling:
    """Answers nothing: at once, or after `seconds`."""

    remote = True

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    async def balances(self, reads: Reader, account_ids: Sequence[int]) -> Sequence[Balance]:
        return await self._fail()

    async def remains(self, reads: Reader, line_ids: Sequence[int]) -> Sequence[PackageRemain]:
        return await self._fail()

    async def usage(self, reads: Reader, keys: Sequence[UsageKey]) -> Sequence[UsageItem]:
        return await self._fail()

    async def _fail(self) -> NoReturn:
        await asyncio.sleep(self._seconds)
        raise BillingUnavailable("simulated")
