"""What the database keeps of promised payments, vouchers and refunds, read back and tried (decision 0005)."""

import asyncpg
import pytest

from tests.databases import fetch
from tests.till import ANN, Till

CHECKS = {
    "promised_payment_amount",
    "promised_payment_collected",
    "promised_payment_due",
    "refund_amount",
    "refund_approved",
    "refund_decided",
    "refund_ended",
    "refund_looked_after",
    "voucher_amount",
    "voucher_redeemed",
}
UNIQUE = {"promised_payment_owed", "voucher_code", "refund_open"}
PROMISE = """
insert into promised_payment
  (operator, account_id, line_id, taker_id, key, asked, currency, amount, fee, taken_at, due_at, repayments, look_at)
select 'beeline', account_id, id, user_id, $1, 'x', 'RUB', 5000, 500, now(), now() + interval '3 days', 0,
  case when $3 then now() end
from line where id = $2
"""
VOUCHER = """
insert into voucher (operator, code_hmac, currency, amount, created_at, expires_at)
values ('beeline', '\\x00', 'RUB', 100, now(), now() + interval '1 day')
"""


async def test_constraints_and_indexes_are_in_the_database(empty_database: str) -> None:
    checks = await fetch(empty_database, "select conname from pg_constraint where contype = 'c'")
    assert {name for (name,) in checks} >= CHECKS
    unique = "select indexrelid::regclass::text from pg_index where indisunique"
    assert {name for (name,) in await fetch(empty_database, unique)} >= UNIQUE


async def test_f081_database_keeps_one_promise_and_collects_it(till: Till) -> None:
    line = await till.value("select id from line where account_id = $1", await till.account(ANN))
    with pytest.raises(asyncpg.CheckViolationError, match="promised_payment_collected"):
        await till.rows(PROMISE, "one", line, False)
    await till.rows(PROMISE, "one", line, True)
    with pytest.raises(asyncpg.UniqueViolationError, match="promised_payment_owed"):
        await till.rows(PROMISE, "two", line, True)
    await till.rows("update promised_payment set repaid_at = now(), look_at = null")
    await till.rows(PROMISE, "two", line, True)


async def test_f159_database_keeps_a_code_once_and_a_redemption_whole(till: Till) -> None:
    await till.rows(VOUCHER)
    with pytest.raises(asyncpg.UniqueViolationError, match="voucher_code"):
        await till.rows(VOUCHER)
    with pytest.raises(asyncpg.CheckViolationError, match="voucher_redeemed"):
        await till.rows("update voucher set redeemed_at = now()")
