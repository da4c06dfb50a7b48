"""Asking billing, and not waiting for ever: after two seconds the last known answer is good enough (N9)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from gateways.billing import Billing
from gateways.last_known import LastKnown
from loaders.scope import ReadScope
from models import watch

T = TypeVar("T")

PATIENCE_SECONDS = 2.0

_last_known = LastKnown()
_log = structlog.get_logger()


async def ask(
    scope: ReadScope, what: str, keys: int, question: Callable[[Billing], Awaitable[Sequence[T]]]
) -> Sequence[T]:
    """What billing answers to `question` about so many keys.

    What was last known, marked stale, when it fails or is slow.
    """
    try:
        with watch.span(f"gateway billing.{what}", {"gateway.keys": keys}):
            if not scope.billing.remote:  # it is the database that would be waited for, which has limits of its own
                return await question(scope.billing)
            await scope.reads.release()
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await question(scope.billing)
    except Exception as error:  # whatever an adapter raises, a page is shown
        _log.warning("billing did not answer", error=type(error).__name__)
        return await question(_last_known)
