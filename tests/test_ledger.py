"""The ledger: its rules by property, posting, and what PostgreSQL refuses to anybody (I14, I17)."""

from collections.abc import Callable
from dataclasses import replace

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError

from domain.ledger import (
    MAX_ENTRIES,
    OWNED,
    AlreadyPosted,
    Entry,
    Funds,
    InsufficientFunds,
    KeyReused,
    LedgerAccountKind,
    LedgerAccountName,
    Posted,
    Transfer,
    TransferKind,
    TransferRejected,
    bonus,
    clearing,
    personal,
    promised,
)
from domain.money import CurrencyCode, Money
from models.database import tx
from services.ledger import post
from tests.databases import fetch
from tests.ledger import (
    BANK,
    LOYALTY,
    OPERATOR,
    REVENUE,
    STRANGER,
    balance,
    cleared,
    funds,
    limit,
    move,
    posted,
    rub,
    top_up,
)

# The rules, without a database.

names = st.one_of(
    st.builds(LedgerAccountName, st.sampled_from(sorted(OWNED)), st.integers(1, 9)),
    st.builds(
        LedgerAccountName, st.sampled_from(sorted(set(LedgerAccountKind) - OWNED - {LedgerAccountKind.CLEARING}))
    ),
    st.builds(clearing, st.sampled_from(["bank", "vouchers"])),
)
amounts = st.integers(-(10**13), 10**13).filter(bool)


@given(st.lists(st.tuples(names, amounts, st.sampled_from(CurrencyCode)), max_size=MAX_ENTRIES + 1), names)
def test_i17_a_transfer_sums_to_zero_in_each_currency_or_is_none(
    sides: list[tuple[LedgerAccountName, int, CurrencyCode]], last: LedgerAccountName
) -> None:
    entries = tuple(Entry(name, Money(minor, currency)) for name, minor, currency in sides)
    sums = [sum(minor for _, minor, of in sides if of is currency) for currency in CurrencyCode]
    rest = tuple(Entry(last, Money(-total, of)) for total, of in zip(sums, CurrencyCode, strict=True) if total)
    for candidate in (entries, entries + rest):
        accounts = [(entry.account, entry.amount.currency) for entry in candidate]
        valid = (
            2 <= len(candidate) <= MAX_ENTRIES
            and len(set(accounts)) == len(accounts)
            and (candidate is not entries or not any(sums))
        )
        try:
            transfer = Transfer(OPERATOR, TransferKind.ADJUSTMENT, "key", candidate)
        except TransferRejected:
            assert not valid
        else:
            assert valid
            for currency in CurrencyCode:
                assert sum(e.amount.minor for e in transfer.entries if e.amount.currency is currency) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: LedgerAccountName(LedgerAccountKind.PERSONAL),
        lambda: LedgerAccountName(LedgerAccountKind.REVENUE, 1),
        lambda: LedgerAccountName(LedgerAccountKind.REVENUE, provider="bank"),
        lambda: clearing(""),
        lambda: clearing("b" * 33),
        lambda: move(BANK, personal(1), 0),
        lambda: move(BANK, personal(1), -5),
        lambda: move(personal(1), personal(1), 5),
        lambda: move(BANK, personal(1), 5, "k" * 161),
        lambda: move(BANK, personal(1), 5, "a\nb"),
        lambda: replace(move(BANK, personal(1), 5), key=""),
        lambda: replace(move(BANK, personal(1), 5), entries=()),
        lambda: replace(move(BANK, personal(1), 5), entries=(Entry(BANK, rub(0)), Entry(REVENUE, rub(0)))),
    ],
)
def test_what_is_no_transfer_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(TransferRejected):
        wrong()


@given(st.integers(0, 500), st.integers(0, 500), st.lists(st.integers(-900, 900), max_size=20))
def test_i14_funds_never_fall_below_their_floor_and_a_repaid_debt_stays_repaid(
    credit_limit: int, debt: int, moves: list[int]
) -> None:
    account = Funds(-debt, 0, credit_limit, min(-credit_limit, -debt))
    for amount in moves:
        assert account.floor is not None
        assert account.spendable is not None
        assert account.spendable >= 0
        after = account.after(amount)
        assert (after is None) == (amount < 0 and -amount > account.spendable)
        if after is not None:
            assert after.floor is not None
            assert account.floor <= after.floor <= -credit_limit
            assert after.balance == account.balance + amount
            account = after


# Posting.


async def test_f064_money_moves_once_for_each_key(ledger: str) -> None:
    first = await posted(top_up(1, 500, "one"))
    assert isinstance(first, Posted)
    assert await posted(top_up(1, 500, "one")) == AlreadyPosted(first.transfer_id)
    assert (await balance(1), await cleared()) == (500, -500)
    assert await fetch(ledger, "select kind, balance from ledger_account order by kind") == [
        ("CLEARING", None),
        ("PERSONAL", 500),
    ]


async def test_e43_a_key_that_comes_back_with_something_else_is_a_bug(ledger: str) -> None:
    await posted(top_up(1, 500, "one"))
    same = top_up(1, 500, "one")
    others = [
        top_up(1, 501, "one"),
        top_up(2, 500, "one"),
        move(clearing("other"), personal(1), 500, "one"),
        replace(same, kind=TransferKind.VOUCHER),
        replace(top_up(STRANGER, 500, "one"), operator="life"),
    ]
    for other in others:
        with pytest.raises(KeyReused):
            await posted(other)
    assert await balance(1) == 500
    assert isinstance(await posted(replace(same, entries=same.entries[::-1])), AlreadyPosted)


async def test_an_answer_is_not_an_exception_when_money_is_short(ledger: str) -> None:
    await posted(top_up(1, 500))

    async def work(connection: BaseDBAsyncClient) -> None:
        answer = await post(connection, move(personal(1), personal(2), 501))
        assert answer == InsufficientFunds((personal(1),))
        assert isinstance(await post(connection, move(personal(1), personal(2), 500)), Posted)

    await tx(work)
    assert (await balance(1), await balance(2)) == (0, 500)
    assert await fetch(ledger, "select count(*) from ledger_transfer") == [(2,)]


async def test_every_account_that_falls_short_is_named(ledger: str) -> None:
    sides = [(personal(1), -3), (BANK, 1), (personal(2), -3), (personal(3), 5)]
    entries = tuple(Entry(name, rub(minor)) for name, minor in sides)
    transfer = Transfer(OPERATOR, TransferKind.ADJUSTMENT, "many", entries)
    assert await posted(transfer) == InsufficientFunds((personal(1), personal(2)))
    assert await fetch(ledger, "select count(*) from ledger_entry") == [(0,)]


async def test_a_repeated_debit_is_known_even_when_nothing_is_left(ledger: str) -> None:
    await posted(top_up(1, 500))
    assert isinstance(await posted(move(personal(1), REVENUE, 500, "fee")), Posted)
    assert isinstance(await posted(move(personal(1), REVENUE, 500, "fee")), AlreadyPosted)


@pytest.mark.parametrize(
    "transfer",
    [
        top_up(STRANGER, 5, "stranger"),
        top_up(999, 5, "nobody"),
        Transfer.between(OPERATOR, TransferKind.TOP_UP, "currency", BANK, personal(1), Money(5, CurrencyCode.BYN)),
    ],
    ids=lambda transfer: transfer.key,
)
async def test_an_account_that_cannot_be_leaves_no_row(ledger: str, transfer: Transfer) -> None:
    await posted(top_up(1, 5))
    before = await fetch(ledger, "select count(*) from ledger_account")
    with pytest.raises(TransferRejected, match="does not have"):
        await posted(transfer)
    assert await fetch(ledger, "select count(*) from ledger_transfer") == [(1,)]
    assert await fetch(ledger, "select count(*) from ledger_account") == before


async def test_f061_bonuses_and_f081_promises_are_accounts_of_their_own(ledger: str) -> None:
    await posted(move(LOYALTY, bonus(1), 30))
    assert (await funds(bonus(1))).balance == 30
    assert await posted(move(bonus(1), LOYALTY, 31)) == InsufficientFunds((bonus(1),))

    await posted(move(promised(1), personal(1), 100))
    assert (await funds(promised(1))) == Funds(-100, 0, 0, None)
    await posted(move(personal(1), promised(1), 100))
    with pytest.raises(IntegrityError, match="ledger_account_promised"):
        await posted(move(BANK, promised(1), 1))


async def test_i14_credit_limit_moves_the_floor_and_a_debt_is_kept(ledger: str) -> None:
    assert not await limit(1, 300)
    await posted(top_up(1, 100))
    assert await limit(1, 300)
    assert isinstance(await posted(move(personal(1), REVENUE, 400)), Posted)
    assert await posted(move(personal(1), REVENUE, 1)) == InsufficientFunds((personal(1),))

    await limit(1, 50)
    assert await funds(personal(1)) == Funds(-300, 0, 50, -300)
    await posted(top_up(1, 200))
    assert await posted(move(personal(1), REVENUE, 1)) == InsufficientFunds((personal(1),))
    await posted(top_up(1, 200))
    assert (await funds(personal(1))).spendable == 150
    with pytest.raises(TransferRejected):
        await limit(1, -1)


async def test_what_is_reserved_cannot_be_spent(ledger: str) -> None:
    await posted(top_up(1, 100))
    await fetch(ledger, "update ledger_account set reserved = 60 where account_id = 1")
    assert await posted(move(personal(1), REVENUE, 41)) == InsufficientFunds((personal(1),))
    assert isinstance(await posted(move(personal(1), REVENUE, 40)), Posted)


steps = st.lists(st.tuples(st.sampled_from(["move", "limit"]), st.integers(-900, 900)), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
async def test_i14_postgresql_and_the_rule_agree(ledger: str, steps: list[tuple[str, int]]) -> None:
    await posted(top_up(1, 1))
    model = await funds(personal(1))
    for step, amount in steps:
        if step == "limit":
            await limit(1, abs(amount))
            model = replace(model, credit_limit=abs(amount), floor=min(-abs(amount), model.balance))
        elif amount:
            source, target = (BANK, personal(1)) if amount > 0 else (personal(1), BANK)
            answer = await posted(move(source, target, abs(amount)))
            after = model.after(amount)
            assert isinstance(answer, InsufficientFunds if after is None else Posted)
            model = after or model
        assert await funds(personal(1)) == model


# What PostgreSQL refuses to everybody.


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_account set balance = balance + 1 where kind = 'PERSONAL'",
        "insert into ledger_account (operator, kind, account_id, currency, balance, reserved, credit_limit)"
        " values ('beeline', 'PERSONAL', 2, 'RUB', 5, 0, 0)",
        "update ledger_account set account_id = 2 where kind = 'PERSONAL'",
        "update ledger_account set currency = 'BYN'",
        "update ledger_account set operator = 'life'",
        "truncate personal_account cascade",
    ],
)
async def test_i17_a_balance_changes_with_entries_and_in_no_other_way(ledger: str, statement: str) -> None:
    await posted(top_up(1, 5))
    with pytest.raises(asyncpg.RestrictViolationError):
        await fetch(ledger, statement)
    assert await balance(1) == 5


async def test_i17_entries_written_by_hand_move_balances_and_keep_floors(ledger: str) -> None:
    await posted(top_up(1, 5))
    entries = """
        with t as (
          insert into ledger_transfer (operator, kind, key, at) values ('beeline', 'FEE', 'hand', now()) returning id)
        insert into ledger_entry (transfer_id, account_id, amount)
        select t.id, a.id, case when a.account_id is null then $1::bigint else -$1::bigint end
        from t cross join ledger_account a"""
    with pytest.raises(asyncpg.CheckViolationError, match="ledger_account_floor"):
        await fetch(ledger, entries, 6)
    await fetch(ledger, entries, 5)
    assert await balance(1) == 0
