"""Versions of tariffs as rows of the catalogue, for transactions that sell them."""

from collections.abc import Mapping
from typing import Any

import orjson

from domain.catalogue import FeePeriod, read_allowances
from domain.line import ServiceKind
from domain.tariff import Plan, read_options

PLAN = """
t.id, t.code, t.name, t.kind, t.fee, t.fee_period, t.connection_fee, t.included, t.options, t.archived
"""


def plan_of(row: Mapping[str, Any]) -> Plan:
    """A row with the columns of `PLAN`."""
    return Plan(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        kind=ServiceKind(row["kind"]),
        fee=row["fee"],
        every=FeePeriod(row["fee_period"]),
        connection_fee=row["connection_fee"],
        included=read_allowances(orjson.loads(row["included"])),
        options=read_options(orjson.loads(row["options"])),
        archived=row["archived"],
    )
