"""What a line used in some days (USAGE); the key is the line and its days, so that periods batch too."""

from collections.abc import Mapping, Sequence

from gateways.billing import UsageItem, UsageKey
from loaders.batch import grouped
from loaders.billing import ask
from loaders.scope import ReadScope


async def usage_by_key(scope: ReadScope, keys: Sequence[UsageKey]) -> Mapping[UsageKey, list[UsageItem]]:
    told = await ask(scope, "usage", len(keys), lambda billing: billing.usage(scope.reads, keys))
    return grouped(told, lambda item: UsageKey(item.line_id, item.first, item.last))
