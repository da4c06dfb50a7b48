"""The rules that PostgreSQL itself keeps, read back from its catalogue and tried (DESIGN 3)."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

CHECKS = {
    ("autopay_rule", "autopay_rule_amounts"),
    ("autopay_rule", "autopay_rule_removed"),
    ("autopay_rule", "autopay_rule_rests"),
    ("autopay_rule", "autopay_rule_terms"),
    ("bundle", "bundle_discount"),
    ("challenge", "challenge_attempts"),
    ("child_policy", "child_policy_age_rating"),
    ("counter", "counter_positive"),
    ("data_gift", "data_gift_given"),
    ("guest_grant", "guest_grant_scopes"),
    ("guest_grant", "guest_grant_uses"),
    ("internet_session", "internet_session_ends"),
    ("invitation", "invitation_birth_date"),
    ("invitation", "invitation_no_owner"),
    ("ledger_account", "ledger_account_floor"),
    ("ledger_account", "ledger_account_kept"),
    ("ledger_account", "ledger_account_owner"),
    ("ledger_account", "ledger_account_promised"),
    ("ledger_account", "ledger_account_provider"),
    ("ledger_account", "ledger_account_reserved"),
    ("ledger_entry", "ledger_entry_moves_money"),
    ("limit_alert", "limit_alert_percent"),
    ("line", "line_block_ends"),
    ("line", "line_block_reason"),
    ("line", "line_has_address"),
    ("link_request", "link_request_delegable_scopes"),
    ("link_request", "link_request_secondary_scopes"),
    ("number_link", "number_link_account_slot"),
    ("number_link", "number_link_blocks_undone"),
    ("number_link", "number_link_delegable_scopes"),
    ("number_link", "number_link_one_target"),
    ("number_link", "number_link_primary_slot"),
    ("number_link", "number_link_secondary_scopes"),
    ("number_link", "number_link_suspended_reason"),
    ("ownership_transfer", "ownership_transfer_one_end"),
    ("ownership_transfer", "ownership_transfer_two_sides"),
    ("package_counter", "package_counter_amounts"),
    ("package_counter", "package_counter_within"),
    ("payment", "payment_amount"),
    ("payment", "payment_completed"),
    ("payment", "payment_confirmed"),
    ("payment", "payment_forgets"),
    ("payment", "payment_looked_after"),
    ("pool_share", "pool_share_cap"),
    ("promised_payment", "promised_payment_amount"),
    ("promised_payment", "promised_payment_collected"),
    ("promised_payment", "promised_payment_due"),
    ("refund", "refund_amount"),
    ("refund", "refund_approved"),
    ("refund", "refund_decided"),
    ("refund", "refund_ended"),
    ("refund", "refund_looked_after"),
    ("ringback_rule", "ringback_rule_numbers"),
    ("service", "service_valid_days_positive"),
    ("service_relation", "service_relation_of_two"),
    ("service_subscription", "service_subscription_charge_day"),
    ("service_subscription", "service_subscription_ended"),
    ("service_subscription", "service_subscription_trial_step"),
    ("tariff", "tariff_version_positive"),
    ("tariff_subscription", "tariff_subscription_charge_day"),
    ("tariff_subscription", "tariff_subscription_options_fee"),
    ("tariff_subscription", "tariff_subscription_pending"),
    ("ticket", "ticket_closed"),
    ("ticket", "ticket_speed"),
    ("trusted_document", "trusted_document_digest"),
    ("usage_day", "usage_day_overage"),
    ("usage_event", "usage_event_used"),
    ("usage_limit", "usage_limit_amount"),
    ("voucher", "voucher_amount"),
    ("voucher", "voucher_redeemed"),
}
UNIQUE = {
    "approval_request_open",
    "autopay_rule_kept",
    "autopay_run_once",
    "autopay_run_one_open",
    "guest_grant_token",
    "invitation_open",
    "invitation_token",
    "ledger_account_owned",
    "ledger_account_system",
    "membership_one_owner",
    "membership_successor",
    "ownership_transfer_open",
    "payment_method_kept",
    "promised_payment_owed",
    "refund_open",
    "ringback_rule_one",
    "tariff_sold",
    "ticket_bundle_open",
    "ticket_speed_open",
    "voucher_code",
}
TRIGGERS = {
    "audit_event_append_only",
    "consent_append_only",
    "ledger_account_balance_kept",
    "ledger_account_lasts",
    "ledger_account_opens_empty",
    "ledger_entry_append_only",
    "ledger_entry_balance",
    "ledger_entry_never_emptied",
    "ledger_entry_zero_sum",
    "ledger_transfer_append_only",
    "ledger_transfer_never_emptied",
    "membership_keeps_owner",
    "service_event_append_only",
    "tariff_event_append_only",
    "ticket_message_append_only",
}

ACCOUNTS = """
insert into ledger_account (operator, kind, currency, reserved, credit_limit)
values ('beeline', 'OPENING', 'RUB', 0, 0), ('beeline', 'REVENUE', 'RUB', 0, 0), ('life', 'REVENUE', 'BYN', 0, 0)
returning id
"""
TRANSFER = "insert into ledger_transfer (operator, kind, key, at) values ('beeline', 'FEE', $1, now()) returning id"
ENTRY = "insert into ledger_entry (transfer_id, account_id, amount) values ($1, $2, $3)"


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


async def test_constraints_are_in_the_database(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    rows = await connection.fetch(
        "select conrelid::regclass::text as table, conname, contype, condeferrable, condeferred from pg_constraint "
        "where connamespace = 'public'::regnamespace"
    )
    assert {(row["table"], row["conname"]) for row in rows if row["contype"] == b"c"} == CHECKS
    [trigger] = [row for row in rows if row["conname"] == "ledger_entry_zero_sum"]
    assert (trigger["contype"], trigger["condeferrable"], trigger["condeferred"]) == (b"t", True, True)
    unique = await connection.fetch(
        "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where i.indisunique"
    )
    assert {row["relname"] for row in unique} >= UNIQUE
    triggers = await connection.fetch("select tgname from pg_trigger where not tgisinternal and tgenabled <> 'D'")
    assert {row["tgname"] for row in triggers} == TRIGGERS


@pytest.mark.parametrize(
    ("amounts", "balanced"),
    [([-500, 500, 0], True), ([-500, 499, 0], False), ([-500, 0, 500], False), ([500, 0, 0], False)],
)
async def test_i17_transfer_sums_to_zero_in_each_currency_or_is_not_committed(
    connection: "asyncpg.Connection[asyncpg.Record]", amounts: list[int], balanced: bool
) -> None:
    accounts = [row["id"] for row in await connection.fetch(ACCOUNTS)]

    async def transfer() -> None:
        async with connection.transaction():
            transfer_id = await connection.fetchval(TRANSFER, "one")
            for account, amount in zip(accounts, amounts, strict=True):
                if amount:
                    await connection.execute(ENTRY, transfer_id, account, amount)

    if balanced:
        await transfer()
    else:
        with pytest.raises(asyncpg.CheckViolationError, match="does not sum to zero"):
            await transfer()
    assert await connection.fetchval("select count(*) from ledger_transfer") == (1 if balanced else 0)


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_transfer"])
@pytest.mark.parametrize("sql", ["update {} set id = id", "delete from {}", "truncate {} cascade"])
async def test_ledger_is_append_only(connection: "asyncpg.Connection[asyncpg.Record]", table: str, sql: str) -> None:
    accounts = [row["id"] for row in await connection.fetch(ACCOUNTS)]
    async with connection.transaction():
        transfer_id = await connection.fetchval(TRANSFER, "one")
        await connection.execute(ENTRY, transfer_id, accounts[0], -5)
        await connection.execute(ENTRY, transfer_id, accounts[1], 5)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(sql.format(table))


async def test_one_key_makes_one_transfer_for_ever(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.fetchval(TRANSFER, "one")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.fetchval(TRANSFER, "one")


async def test_f111_what_is_searched_follows_what_is_sold(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.execute(
        """
insert into service
  (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms, archived)
values ('beeline', 'GB-5', 'ЁЛКА', 'MOBILE', 'OTHER', 'Всё', 0, 'MONTH', 0, '', false)
"""
    )
    searched = "select searched from service"
    assert await connection.fetchval(searched) == "елка  gb-5  все"
    await connection.execute("update service set name = 'Ель', artist = 'Хор', content_provider = 'Студия'")
    assert await connection.fetchval(searched) == "ель хор gb-5 студия все"
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        await connection.execute("update service set searched = ''")
    for index in ("service_listed", "service_tone_listed"):
        assert await connection.fetchval(
            "select indpred is not null from pg_index where indexrelid = $1::text::regclass", index
        )
