"""Vouchers (F159): redeemed once, guessed seldom, and known to nobody but who holds one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.voucher import LENGTH, code_hmac, new_code, printed, read_code
from services import voucher
from tests import family
from tests.cabinet import Cabinet
from tests.ledger import rub
from tests.test_promised_payment import TAKE
from tests.till import ANN, BOB, EVE, Till

REDEEM = """
mutation ($key: ID!, $target: PaymentTargetInput!, $code: String!) {
  redeemVoucher(input: {idempotencyKey: $key, target: $target, code: $code}) {
    payment { id kind status method amount { amount } completedAt }
    userErrors { __typename code message field ... on RateLimited { retryAt } }
  }
}
"""
SECRET = b"a secret of the tests, long enough for production too"
WRONG = "0000-0000-0000-000{}"


async def made(
    till: Till, count: int = 1, minor: int = 25_000, *, operator: str = "beeline", days: int = 30
) -> list[str]:
    expires_at = datetime.now(UTC) + timedelta(days=days)
    profile = till.profiles[operator]
    return await voucher.create(profile, SECRET, count=count, amount=rub(minor), expires_at=expires_at)


async def redeem(cabinet: Cabinet, index: int, code: str, key: str = "voucher-1") -> dict[str, Any]:
    target = {"msisdn": family.number("beeline", index)}
    payload: dict[str, Any] = (await cabinet.data(REDEEM, key=key, target=target, code=code))["redeemVoucher"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_f159_a_voucher_credits_any_account_once(till: Till) -> None:
    [code] = await made(till)
    ann = await till.of(ANN)
    payload = await redeem(ann, EVE, printed(code))
    assert payload["userErrors"] == []
    told = {"kind": "TOP_UP", "status": "COMPLETED", "method": "VOUCHER", "amount": {"amount": "250.00"}}
    assert told.items() <= payload["payment"].items()
    assert payload["payment"]["completedAt"] is not None
    assert await till.balance(EVE) == 10_550 + 25_000
    # The same once more, and by another.
    assert await redeem(ann, EVE, code) == payload
    assert codes(await redeem(ann, EVE, code, "voucher-2")) == ["INVALID_INPUT"]
    assert codes(await redeem(await till.of(BOB), BOB, code)) == ["INVALID_INPUT"]
    assert codes(await redeem(ann, ANN, code)) == ["IDEMPOTENCY_CONFLICT"]
    assert await till.balance(EVE) == 10_550 + 25_000


async def test_f159_no_code_is_stored(till: Till) -> None:
    [code] = await made(till)
    rows = await till.rows("select v::text, octet_length(code_hmac) from voucher v")
    assert rows[0][1] == 32
    assert code not in rows[0][0]
    await redeem(await till.of(ANN), ANN, code)
    kept = (
        "select (select string_agg(p::text, '') from payment p) || (select string_agg(a::text, '') from audit_event a)"
    )
    assert code not in await till.value(kept)


async def test_f159_wrong_used_expired_and_foreign_are_told_alike(till: Till) -> None:
    used, expired = await made(till, 2)
    [foreign] = await made(till, operator="tele2")
    await redeem(await till.of(BOB), BOB, used)
    await till.rows(
        "update voucher set created_at = now() - interval '9 days', expires_at = now() - interval '1 second' "
        "where code_hmac = $1",
        code_hmac(SECRET, "beeline", expired),
    )
    ann = await till.of(ANN)
    answers = [await redeem(ann, ANN, code, f"voucher-{code}") for code in (WRONG.format(1), used, expired, foreign)]
    assert answers == [answers[0]] * 4
    assert answers[0]["userErrors"][0]["__typename"] == "VoucherRejected"
    assert await till.balance(ANN) == 10_050


async def test_f159_fifty_at_once_redeem_one(till: Till) -> None:
    [code] = await made(till)
    people = [await till.of(index) for index in (ANN, BOB, EVE)]
    answers = await asyncio.gather(
        *(redeem(people[n % 3], EVE, code, f"voucher-{n}") for n in range(12)),
        *(redeem(people[0], EVE, code, "the-same-key") for _ in range(8)),
    )
    assert len({answer["payment"]["id"] for answer in answers if answer["payment"]}) == 1
    assert await till.balance(EVE) == 10_550 + 25_000


async def test_f159_repetitions_at_once_are_all_answered_alike(till: Till) -> None:
    [code] = await made(till)
    ann = await till.of(ANN)
    answers = await asyncio.gather(*(redeem(ann, ANN, code) for _ in range(5)))
    assert answers == [answers[0]] * 5
    assert answers[0]["userErrors"] == []


async def test_f159_five_wrong_codes_and_even_the_right_one_waits(till: Till) -> None:
    [code] = await made(till)
    ann = await till.of(ANN)
    guesses = await asyncio.gather(*(redeem(ann, ANN, WRONG.format(n), f"guess-{n:05}") for n in range(9)))
    assert sorted(map(codes, guesses)) == [["INVALID_INPUT"]] * 5 + [["RATE_LIMITED"]] * 4
    late = await redeem(ann, ANN, code)
    assert codes(late) == ["RATE_LIMITED"]
    assert late["userErrors"][0]["retryAt"] is not None
    assert await till.balance(ANN) == 10_050
    # Somebody else is not shut out by it.
    assert codes(await redeem(await till.of(BOB), ANN, code)) == []


async def test_f159_right_codes_are_no_guesses(till: Till) -> None:
    ann = await till.of(ANN)
    for n, code in enumerate(await made(till, 8, 100)):
        assert codes(await redeem(ann, ANN, code, f"voucher-{n}")) == []
    assert await till.balance(ANN) == 10_050 + 800


@pytest.mark.parametrize("code", ["", "123", "x" * 16, "1" * 17, "１" * 16, "1" * 100_00, "\0" * 16])
async def test_f159_what_is_no_code_is_no_guess(till: Till, code: str) -> None:
    ann = await till.of(ANN)
    assert codes(await redeem(ann, ANN, code)) == ["INVALID_INPUT"]
    assert await till.rows("select 1 from counter where key like 'voucher:%'") == []


async def test_f159_pays_a_promise_back(till: Till) -> None:
    await till.spend(ANN, 15_000)
    ann = await till.of(ANN)
    await ann.data(TAKE, key="promise-1", line=await till.line(ANN), offer="5000-500-3")
    [code] = await made(till)
    await redeem(ann, ANN, code)
    assert (await till.balance(ANN), await till.balance(ANN, "PROMISED")) == (10_050 + 5_000 + 25_000 - 5_500, 0)


async def test_f159_where_there_are_none(till: Till, profiles: Any) -> None:
    [code] = await made(till)
    till.profiles["beeline"] = profiles["beeline"]  # type: ignore[index]
    assert codes(await redeem(await till.of(ANN), ANN, code)) == ["FEATURE_DISABLED"]


async def test_f159_needs_a_session(till: Till) -> None:
    target = {"msisdn": family.number("beeline", ANN)}
    answer = await till.anybody.of("beeline").ask(REDEEM, key="voucher-1", target=target, code="1" * 16)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@given(code=st.text("0123456789", min_size=LENGTH, max_size=LENGTH), between=st.sampled_from([" ", "-", "", "\u00a0"]))
def test_f159_a_code_is_read_as_it_is_printed(code: str, between: str) -> None:
    assert read_code(printed(code)) == code
    assert read_code(f" {between.join(code)} ") == code
    assert code_hmac(SECRET, "beeline", code) != code_hmac(SECRET, "tele2", code)


@given(st.text(max_size=80))
def test_f159_whatever_is_typed_is_a_code_or_none(typed: str) -> None:
    read = read_code(typed)
    assert read is None or (len(read) == LENGTH and set(read) <= set("0123456789"))


def test_f159_new_codes_differ() -> None:
    assert len({new_code() for _ in range(100)}) == 100
