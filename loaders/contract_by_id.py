"""Contracts by their id (F030), for those who have found that one of its accounts shows it to the viewer."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.line import ContractKind, ContractStatus
from loaders.batch import by_key
from loaders.scope import ReadScope
from models.reader import Statement


class Contract(NamedTuple):
    """A contract of something that the viewer sees."""

    id: int
    number: str
    kind: ContractKind
    status: ContractStatus
    holder_is_viewer: bool
    signed_on: date | None
    terminated_on: date | None


_CONTRACTS = Statement(
    """
select c.id, c.number, c.kind, c.status, u.id is not null, c.signed_on, c.terminated_on
from contract c left join app_user u on u.person_id = c.holder_id and u.id = $1
where c.id = any($2::bigint[])
""",
    Contract,
)


async def contract_by_id(scope: ReadScope, contract_ids: Sequence[int]) -> Mapping[int, Contract | None]:
    user_id, _, _ = scope.visibility
    return by_key(await scope.reads.fetch(_CONTRACTS, user_id, contract_ids), lambda contract: contract.id)
