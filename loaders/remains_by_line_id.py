"""What is left of a line's packages (F056), first to reset first."""

from collections.abc import Mapping, Sequence

from gateways.billing import PackageRemain
from loaders.batch import grouped
from loaders.billing import ask
from loaders.scope import ReadScope


async def remains_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, list[PackageRemain]]:
    told = await ask(scope, lambda billing: billing.remains(scope.reads, line_ids))
    return grouped(told, lambda remain: remain.line_id)
