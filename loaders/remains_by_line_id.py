"""What is left of a line's packages (F056): what is used first, first."""

from collections.abc import Mapping, Sequence

from domain.package import Place, place
from gateways.billing import PackageRemain
from loaders.batch import grouped
from loaders.billing import ask
from loaders.scope import ReadScope


async def remains_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, list[PackageRemain]]:
    told = await ask(scope, "remains", len(line_ids), lambda billing: billing.remains(scope.reads, line_ids))
    return grouped(sorted(told, key=_place), lambda remain: remain.line_id)


def _place(remain: PackageRemain) -> Place:
    return place(remain.source, remain.resets_at, remain.expires_at, unlimited=remain.unlimited)
