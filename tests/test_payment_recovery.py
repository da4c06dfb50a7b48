"""The recovery loop: whatever happens to one payment, the others are brought to their end."""

from collections.abc import Mapping
from typing import cast
from uuid import uuid4

from domain.money import CurrencyCode, Money
from domain.payment import CardScheme, ConfirmationKind, PaymentMethodKind
from domain.profile import Profile
from gateways.payments import PaymentOutcome, PaymentRef
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.records import Behaviour, Card
from models.database import database, tx
from services import payment, payment_recovery
from services.payment import TopUp
from services.payment_row import Desk, PaymentRow
from tests.machine.world import PERSON, SECRET, confirmed_by, viewer_of

_CARD = PaymentMethodKind.CARD
_DUE = "update payment set check_at = now() - interval '1 second' where payer_id = $1 and check_at is not null"
_STATUSES = "select key, status from payment where payer_id = $1"


async def test_a_payment_that_cannot_be_looked_after_does_not_hold_up_the_others(
    empty_database: str, profiles: Mapping[str, Profile]
) -> None:
    profile = confirmed_by(profiles["beeline"], ConfirmationKind.NONE)
    bank = Bank()

    class Poisoned(InProcessBank):
        async def query(self, payment: PaymentRef) -> PaymentOutcome:
            if payment.key == poison:
                raise RuntimeError("this one is broken")
            return await super().query(payment)

    async with database(empty_database, pool_size=2):
        [person] = await tx(lambda connection: connection.execute_query_dict(PERSON, ["poison", "7903000999"]))
        desk = Desk(Poisoned(bank))
        token = bank.make_token(Card("Lost", scheme=CardScheme.MIR, behaviour=Behaviour(lose_answer=True)))
        wanted = [
            TopUp(
                str(uuid4()), "machine", account, None, "***", True, Money(15000, CurrencyCode.RUB), _CARD, token=token
            )
            for account in person["accounts"]
        ]
        rows = [await payment.top_up(desk, profile, SECRET, viewer_of(person["id"]), each) for each in wanted]
        assert all(isinstance(row, PaymentRow) for row in rows)
        poison = str(cast(PaymentRow, rows[0]).provider_key)
        await tx(lambda connection: connection.execute_query(_DUE, [person["id"]]))
        assert await payment_recovery.recover(desk, {"beeline": profile}) == 2
        found = await tx(lambda connection: connection.execute_query_dict(_STATUSES, [person["id"]]))
        assert {row["key"]: row["status"] for row in found} == {
            wanted[0].key: "PROCESSING",
            wanted[1].key: "COMPLETED",
        }
