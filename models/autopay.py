"""Rules by which accounts are paid into automatically, and what they paid for (F080)."""

from datetime import datetime
from enum import StrEnum

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model

from domain.money import CurrencyCode
from domain.payment import AutopayTrigger, DeclineReason
from models import audit
from models.audit import TheUser
from models.line import Line, PersonalAccount
from models.payment import Payment, PaymentMethod
from models.user import User


class AutopayOutcome(StrEnum):
    """How the payment of an occasion ended."""

    PAID = "PAID"
    FAILED = "FAILED"


class AutopayRule(Model):
    """What a payer agreed to pay without being asked; one for each account and trigger.

    Amounts are in minor units. `due_at` is when somebody has to look at the rule: null while it waits for its payment
    to end or, watching a balance, for that to change. `armed`, of a rule that watches a balance: it has been at the
    threshold or above since the last payment, and `round` counts how often. `planned_at` is the day of the calendar
    that is paid for, however late. `failures` are those in a row.
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="autopay_rules")
    account: fields.ForeignKeyRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="autopay_rules"
    )
    line: fields.ForeignKeyNullableRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="autopay_rules", null=True
    )
    named = fields.CharField(max_length=64)  # the line or the account, masked, for messages
    trigger = fields.CharEnumField(AutopayTrigger, max_length=24)
    currency = fields.CharEnumField(CurrencyCode, max_length=3)
    amount: int = fields.BigIntField()
    threshold: int | None = fields.BigIntField(null=True)
    monthly_cap: int | None = fields.BigIntField(null=True)
    day_of_month: int | None = fields.SmallIntField(null=True)
    method: fields.ForeignKeyRelation[PaymentMethod] = fields.ForeignKeyField(
        "models.PaymentMethod", related_name="autopay_rules", on_delete=fields.OnDelete.RESTRICT
    )
    active = fields.BooleanField(default=True)
    armed = fields.BooleanField(default=True)
    round: int = fields.IntField(default=1)
    planned_at: datetime | None = fields.DatetimeField(null=True)
    due_at: datetime | None = fields.DatetimeField(null=True)
    failures: int = fields.IntField(default=0)
    failure = fields.CharField(max_length=48, null=True)  # an ErrorCode
    failure_detail = fields.CharEnumField(DeclineReason, max_length=48, null=True)
    last_run_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    removed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "autopay_rule"


class AutopayRun(Model):
    """A payment that a rule began for an occasion; no `outcome` while it is on its way.

    An occasion has one that did not fail: a partial unique index says so (`0011_autopay_rules`).
    """

    id: int = fields.BigIntField(primary_key=True)
    rule: fields.ForeignKeyRelation[AutopayRule] = fields.ForeignKeyField("models.AutopayRule", related_name="runs")
    occasion = fields.CharField(max_length=32)
    payment: fields.OneToOneRelation[Payment] = fields.OneToOneField("models.Payment", related_name="autopay_run")
    outcome = fields.CharEnumField(AutopayOutcome, max_length=8, null=True)
    at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "autopay_run"
        indexes = (("rule_id", "at"),)


_STOP = """
update autopay_rule set active = false, due_at = null
where active and ($1::bigint is null or user_id = $1) and ($2::bigint is null or account_id = $2)
returning id, operator, user_id, named
"""


async def stop_for(
    connection: BaseDBAsyncClient, *, user_id: int | None = None, account_id: int | None = None, because: str
) -> list[int]:
    """Stop rules before rights end (E31, I12), in the caller's transaction; gives their ids.

    Those by which `user_id` pays, those that pay into `account_id`, or, with both, those that are both. A payment that
    is on its way goes to its target. `because` is for the payer's own log.
    """
    if user_id is None and account_id is None:
        raise ValueError("say whose rules, or those of which account")
    stopped = await connection.execute_query_dict(_STOP, [user_id, account_id])
    for rule in stopped:
        payer = TheUser(rule["operator"], rule["user_id"])
        await audit.record(connection, payer, "AUTOPAY_STOPPED", target=rule["named"], because=because)
    return [rule["id"] for rule in stopped]
