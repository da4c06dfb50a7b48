"""What a process remembers of rights: another day, level, operator or relation is judged anew."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

from auth.session import Viewer
from domain.access import AccessLevel, Scope
from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from loaders.batch import Batches
from loaders.scope import Judged, Memory, ReadScope
from models.visible import Relation

BORN = date(2010, 11, 22)
OWN = Relation(holds_it=True, holds_contract=False, is_child=False, has_ended=False, grants=None)
CHILDS = OWN._replace(holds_it=False, grants=f'[["OWNER","PRIMARY",[],"CHILD","{BORN}",false,false]]')


def judge(
    memory: Memory,
    profiles: Mapping[str, Profile],
    relation: Relation,
    *,
    level: AccessLevel = AccessLevel.FULL,
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC),
    operator: str = "beeline",
) -> Judged:
    class At:
        access_level = level

    scope = ReadScope(
        reads=cast(Any, None),
        batches=Batches(),
        viewer=cast(Viewer, At()),
        profile=profiles["beeline"],
        profiles=profiles,
        billing=LedgerBilling(),
        now=now,
        memory=memory,
    )
    return scope.judged(operator, relation)


def test_what_is_remembered_is_of_that_level_day_operator_and_relation_only(profiles: Mapping[str, Profile]) -> None:
    beeline = profiles["beeline"]
    blocking = beeline.blocking.model_copy(update={"contract_holder_only": not beeline.blocking.contract_holder_only})
    served = {
        "beeline": beeline,
        "other": beeline.model_copy(
            update={"operator": beeline.operator.model_copy(update={"id": "other"}), "blocking": blocking}
        ),
    }
    full, majority = AccessLevel.FULL, datetime(2028, 11, 22, 12, tzinfo=UTC)
    asked: list[dict[str, Any]] = [
        {"relation": OWN},
        {"relation": OWN, "level": AccessLevel.PARTIAL},
        {"relation": OWN, "operator": "other"},
        {"relation": OWN, "operator": "nobody's"},
        {"relation": OWN._replace(is_child=True)},
        {"relation": OWN._replace(has_ended=True)},
        {"relation": CHILDS},
        {"relation": CHILDS, "level": full, "now": majority},
    ]
    memory = Memory()
    together = [judge(memory, served, **each) for each in asked * 2]
    alone = [judge(Memory(), served, **each) for each in asked]
    assert together == alone * 2
    own, partial, other, nobody, *_, child, grown = alone
    assert partial.rights < own.rights
    assert not partial.spends_balance
    assert own.rights ^ other.rights == {Scope.BLOCK}
    assert nobody == Judged(frozenset(), takes_promises=False, spends_balance=False, asks_to_spend=False)
    assert grown.rights < child.rights
    assert (child.takes_promises, grown.takes_promises) == (True, False)
