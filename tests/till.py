"""A cabinet of the test's own in which money moves: the Smiths, their neighbours, and a bank (the fixture `till`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import Transfer, TransferKind, personal
from domain.payment import ConfirmationKind, PaymentMethodKind
from domain.profile import Profile
from models.database import tx
from resolvers.node_id import encode
from services.ledger import post
from services.payment_row import Desk
from tests import family
from tests.bank import Street
from tests.cabinet import Cabinet
from tests.databases import fetch
from tests.ledger import REVENUE, move, posted, rub, top_up
from tests.session import open_session

ANN, GRANNY, CID, BOB, VERA, EVE = range(6)

# Ann owns the household, Bob manages every number of it, Cid is a child; Granny's number is linked. Eve is a stranger.
SMITHS = [
    *(family.person("beeline", name) for name in ("ann", "bob", "granny", "vera", "eve")),
    family.person("beeline", "cid", birth_date="-11y"),
    *family.mobile("beeline", "ann", ANN, "ann"),
    *family.mobile("beeline", "granny", GRANNY, "granny"),
    *family.mobile("beeline", "ann", CID, "cid"),
    *family.mobile("beeline", "bob", BOB, "bob"),
    *family.mobile("beeline", "vera", VERA, "vera"),
    *family.mobile("beeline", "eve", EVE, "eve"),
    family.household("beeline", "smiths", ann="OWNER", bob="ADULT", cid="CHILD", vera="VIEWER"),
    family.link("beeline", "smiths", family.number("beeline", GRANNY), "VIEW", "PAY", "AUTOPAY", "SERVICES"),
    family.link("beeline", "smiths", family.number("beeline", CID), "VIEW", "PAY", "AUTOPAY", "SERVICES"),
]


def taking_everything(profile: Profile) -> Profile:
    """The profile of an operator that takes every means of payment, without asking the payer to confirm."""
    rules = {"methods": tuple(PaymentMethodKind), "confirmation": ConfirmationKind.NONE}
    return profile.model_copy(update={"payments": profile.payments.model_copy(update=rules)})


@dataclass(frozen=True)
class Till:
    """What a test reaches for."""

    url: str
    anybody: Cabinet
    street: Street
    desk: Desk
    profiles: Mapping[str, Profile]

    async def of(self, index: int, level: str = "FULL", operator: str = "beeline") -> Cabinet:
        """The cabinet of who uses the index-th number."""
        token = await open_session(self.url, operator, family.number(operator, index), level)
        return self.anybody.of(operator, token)

    async def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await fetch(self.url, sql, *arguments)]

    async def value(self, sql: str, *arguments: object) -> Any:
        [(value,)] = await self.rows(sql, *arguments)
        return value

    async def account(self, index: int) -> int:
        number: int = await self.value("select id from personal_account where number = $1", f"A{index}")
        return number

    async def line(self, index: int) -> str:
        """The global id of the index-th number."""
        key = await self.value("select id from line where msisdn = $1", family.number("beeline", index))
        return encode("Line", key)

    async def balance(self, index: int, kind: str = "PERSONAL") -> int:
        sql = "select balance from ledger_account where account_id = $1 and kind = $2"
        found = await self.rows(sql, await self.account(index), kind)
        return found[0][0] if found else 0

    async def spend(self, index: int, minor: int) -> None:
        """The operator charges an account, which had the money for it."""
        account = await self.account(index)
        await posted(top_up(account, minor))
        fee = Transfer.between(
            "beeline", TransferKind.FEE, f"fee:{move(REVENUE, personal(account), 1).key}", personal(account), REVENUE,
            rub(minor),
        )  # fmt: skip

        async def work(connection: BaseDBAsyncClient) -> None:
            await post(connection, fee)

        await tx(work)

    async def code(self) -> str:
        """The digits of the newest message with a code."""
        sql = "select body->>'code' from outbox where body->>'code' is not null order by id desc limit 1"
        code: str = await self.value(sql)
        return code

    async def sent_to(self, index: int) -> list[str]:
        """What was written to a number, oldest first."""
        sql = "select body->>'text' from outbox where kind = 'sms' and body->>'to' = $1 order by id"
        return [text for (text,) in await self.rows(sql, family.number("beeline", index))]
