"""F064–F080: the payment provider's port, through the bank simulator: over a real socket, and in process."""

import asyncio
from dataclasses import replace

import orjson
import pytest

from domain.money import CurrencyCode, Money
from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.accounts import BankAccount
from gateways.bank import BankProvider
from gateways.payments import (
    Charged,
    Declined,
    Held,
    MethodSaved,
    NewMethod,
    NotKnown,
    PaymentProvider,
    Pending,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderUnavailable,
    RefundDeclined,
    Refunded,
    RefundPending,
    Saved,
    Token,
)
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.records import Behaviour
from tests.bank import KEY, Street, charge, ref, refund_of
from tests.conftest import free_port

RUB = CurrencyCode.RUB


@pytest.fixture(params=["http", "in process"])
def provider(request: pytest.FixtureRequest, town: Street) -> PaymentProvider:
    """The same bank, over its socket and without one."""
    return town.provider if request.param == "http" else InProcessBank(town.bank, KEY)


async def test_charge_moves_the_money_and_tells_what_it_was_paid_with(provider: PaymentProvider) -> None:
    asked = charge("tok_visa_4242")
    outcome = await provider.charge(asked)
    assert isinstance(outcome, Charged)
    assert outcome.amount == Money(15750, RUB)
    assert outcome.method == await provider.method_details(Token("tok_visa_4242"))
    assert await provider.query(ref(asked)) == outcome


async def test_what_a_method_is_is_known_before_it_is_charged(provider: PaymentProvider) -> None:
    card = await provider.method_details(Token("tok_visa_foreign_1111"))
    assert card is not None
    assert (card.kind, card.scheme, card.issuer_country) == (PaymentMethodKind.CARD, CardScheme.VISA, "DE")
    assert (card.last_four, card.expires_year, card.expires_month) == ("1111", 2039, 12)
    strange = await provider.method_details(Token("tok_unionpay_6200"))
    assert strange is not None
    assert strange.scheme is None, "a scheme that no operator takes"
    assert await provider.method_details(Token("tok_nothing")) is None
    assert await provider.method_details(Saved("pm_nothing")) is None


@pytest.mark.parametrize("minor", [1, 99, 100, 15750, 10**15])
async def test_amounts_are_exact(provider: PaymentProvider, minor: int) -> None:
    outcome = await provider.charge(charge(minor=minor))
    assert isinstance(outcome, Charged)
    assert outcome.amount.minor == minor


async def test_amount_travels_as_text(town: Street) -> None:
    asked = charge(minor=15750)
    await town.provider.charge(asked)
    await town.shop.told_of(asked.key)
    # Another test's payment may be told of late.
    [told] = [body for body, _ in town.shop.posts if asked.key.encode() in body]
    assert orjson.loads(told)["amount"] == "157.50"


async def test_fifty_concurrent_charges_with_one_key_are_one_charge(town: Street) -> None:
    asked = charge()
    outcomes = await asyncio.gather(*(town.provider.charge(asked) for _ in range(50)))
    assert len(set(map(repr, outcomes))) == 1
    assert len(await town.shop.told_of(asked.key)) == 1


async def test_a_key_is_never_another_payment(provider: PaymentProvider) -> None:
    asked = charge()
    first = await provider.charge(asked)
    for other in (replace(asked, amount=Money(1, RUB)), replace(asked, method=Token("tok_visa_4242"))):
        with pytest.raises(ProviderMisconfigured):
            await provider.charge(other)
    assert await provider.query(ref(asked)) == first


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_mir_expired_0001", DeclineReason.METHOD_EXPIRED),
        ("tok_mir_poor_0002", DeclineReason.INSUFFICIENT_FUNDS),
        ("tok_mir_fraud_0003", DeclineReason.FRAUD_SUSPECTED),
        ("tok_nobodys", DeclineReason.METHOD_UNUSABLE),
        ("tok_mir_confirm_0013", DeclineReason.NOT_CONFIRMED),
    ],
)
async def test_declined_is_final_and_has_a_reason(
    provider: PaymentProvider, town: Street, token: str, reason: DeclineReason
) -> None:
    asked = charge(token)
    outcome = await provider.charge(asked)
    assert isinstance(outcome, Declined)
    assert outcome.reason == reason
    assert await provider.charge(asked) == outcome
    assert [each.outcome for each in await town.shop.told_of(asked.key)] == [outcome]


async def test_unknown_key_is_not_known(provider: PaymentProvider) -> None:
    asked = charge()
    assert await provider.query(ref(asked)) == NotKnown()
    assert await provider.capture(ref(asked), asked.amount) == NotKnown()
    assert await provider.cancel(ref(asked)) == NotKnown()


async def test_lost_answer_is_no_decline_and_the_money_has_moved(provider: PaymentProvider) -> None:
    asked = charge("tok_mir_lost_0011")
    with pytest.raises(ProviderUnavailable):
        await provider.charge(asked)
    known = await provider.query(ref(asked))
    assert isinstance(known, Charged)
    assert await provider.charge(asked) == known


async def test_bank_that_is_down_did_nothing(provider: PaymentProvider) -> None:
    asked = charge("tok_mir_down_0016")
    with pytest.raises(ProviderUnavailable):
        await provider.charge(asked)
    assert await provider.query(ref(asked)) == NotKnown()


async def test_answer_that_is_too_late_is_no_decline(town: Street) -> None:
    town.bank.control(Behaviour(answer_after=0.5))
    asked = charge()
    async with BankProvider(BankAccount(town.address, KEY), seconds=0.1) as impatient:
        with pytest.raises(ProviderUnavailable, match="TimeoutError") as failure:
            await impatient.charge(asked)
    assert "tok_" not in f"{failure.value!r} {asked!r}"
    assert isinstance(await town.provider.query(ref(asked)), Charged)


async def test_bank_that_is_not_there_is_no_decline() -> None:
    async with BankProvider(BankAccount(f"http://127.0.0.1:{free_port()}", KEY)) as provider:
        for call in (provider.charge(charge()), provider.query(ref(charge()))):
            with pytest.raises(ProviderUnavailable, match="ConnectError"):
                await call


async def test_pending_is_settled_later_and_told(provider: PaymentProvider, town: Street) -> None:
    town.bank.control(Behaviour(settle_after=0.3))
    asked = charge()
    assert isinstance(await provider.charge(asked), Pending)
    told = await town.shop.told_of(asked.key, 2)
    assert [type(each.outcome) for each in told] == [Pending, Charged]
    assert isinstance(await provider.query(ref(asked)), Charged)


async def test_held_money_is_taken_in_part_or_given_up(provider: PaymentProvider) -> None:
    taken, given_up = charge(hold=True), charge(hold=True)
    for asked in (taken, given_up):
        assert isinstance(await provider.charge(asked), Held)
    part = await provider.capture(ref(taken), Money(10000, RUB))
    assert isinstance(part, Charged)
    assert part.amount == Money(10000, RUB)
    assert await provider.capture(ref(taken), Money(10000, RUB)) == part, "a repetition takes nothing more"
    assert await provider.cancel(ref(taken)) == part, "what is paid is not cancelled"
    assert isinstance(await provider.cancel(ref(given_up)), Declined)
    assert isinstance(await provider.query(ref(given_up)), Declined)


async def test_more_than_was_held_is_not_taken(provider: PaymentProvider) -> None:
    asked = charge(hold=True)
    await provider.charge(asked)
    with pytest.raises(ProviderFailed):
        await provider.capture(ref(asked), Money(15751, RUB))
    assert isinstance(await provider.query(ref(asked)), Held)


async def test_saved_method_pays_again_and_repetitions_save_it_once(provider: PaymentProvider) -> None:
    first = await provider.charge(charge("tok_visa_4242", save_method=True))
    assert isinstance(first, Charged)
    assert first.saved is not None
    again = await provider.charge(charge(method=Saved(first.saved)))
    assert isinstance(again, Charged)
    assert again.method == first.method == await provider.method_details(Saved(first.saved))
    asked = NewMethod(charge().key, "tok_mir_2204", None)
    kept = await provider.save_method(asked)
    assert isinstance(kept, MethodSaved)
    assert await provider.save_method(asked) == kept
    assert kept.reference not in repr(kept)
    assert isinstance(await provider.save_method(NewMethod(charge().key, "tok_nobodys", None)), Declined)
    assert isinstance(await provider.save_method(NewMethod(charge().key, "tok_mir_expired_0001", None)), Declined)


async def test_method_that_was_not_to_be_saved_is_not(provider: PaymentProvider) -> None:
    outcome = await provider.charge(charge())
    assert isinstance(outcome, Charged)
    assert outcome.saved is None


async def test_refunds_give_back_no_more_than_was_paid(provider: PaymentProvider) -> None:
    asked = charge()
    await provider.charge(asked)
    part = await provider.refund(refund_of(asked, 10000, f"{asked.key}-1"))
    assert isinstance(part, Refunded)
    assert await provider.refund(refund_of(asked, 10000, f"{asked.key}-1")) == part, "a key gives back once"
    assert isinstance(await provider.refund(refund_of(asked, 5751, f"{asked.key}-2")), RefundDeclined)
    rest = await provider.refund(refund_of(asked, 5750, f"{asked.key}-3"))
    assert isinstance(rest, Refunded)
    assert rest.amount == Money(5750, RUB)
    with pytest.raises(ProviderMisconfigured):
        await provider.refund(refund_of(asked, 1, f"{asked.key}-1"))


async def test_what_was_not_paid_is_not_refunded(provider: PaymentProvider) -> None:
    declined, unknown = charge("tok_mir_poor_0002"), charge()
    await provider.charge(declined)
    for asked in (declined, unknown):
        assert isinstance(await provider.refund(refund_of(asked, 1, f"{asked.key}-1")), RefundDeclined)


async def test_pending_refund_sets_its_money_aside(provider: PaymentProvider, town: Street) -> None:
    asked = charge()
    await provider.charge(asked)
    town.bank.control(Behaviour(settle_after=0.2))
    first = refund_of(asked, 15750, f"{asked.key}-1")
    assert isinstance(await provider.refund(first), RefundPending)
    assert isinstance(await provider.refund(refund_of(asked, 1, f"{asked.key}-2")), RefundDeclined)
    told = await town.shop.told_of(first.key, 2)
    assert isinstance(told[-1].outcome, Refunded)
    assert await provider.refund(first) == told[-1].outcome
