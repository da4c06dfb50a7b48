"""Money under kills and races, with real processes: nothing lost, nothing doubled; and a broken twin that is caught."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.run import Plan, run
from tests.chaos.town import ground as built_ground

# Whoever counts kills that hit something wants the machine for itself.
pytestmark = pytest.mark.alone

# Many times what a run takes; one that hangs is to say so.
_SECONDS = 240


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Path]:
    """What both towns are built on."""
    async with built_ground() as folder:
        yield folder


async def test_i17_twenty_kills_and_a_stop_of_postgres_lose_and_double_nothing(ground: Path) -> None:
    async with asyncio.timeout(_SECONDS):
        verdict = await run(ground, Plan(kills=20, postgres_stops=1, seed=17, pause_seconds=(0.0, 0.1)))
    assert verdict.differences == [], str(verdict)


@pytest.mark.proof
async def test_a_flow_that_names_a_payment_anew_in_each_call_is_found_out(ground: Path) -> None:
    async with asyncio.timeout(_SECONDS):
        verdict = await run(ground, Plan(kills=2, postgres_stops=0, seed=17, broken=True, quiet_seconds=1))
    assert any("charges of the bank that no payment knows" in each for each in verdict.differences), str(verdict)
    assert "what the bank charged is not what the ledger credited" in verdict.differences
