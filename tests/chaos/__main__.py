"""`make chaos KILLS=1000 PG_STOPS=20`: exit code 0 when no money was lost or doubled, and 1 with what differs."""

import argparse
import asyncio
import random
import sys

from tests.chaos.run import Plan, run
from tests.chaos.town import ground
from tests.chaos.verdict import Verdict


def main() -> int:
    """Print the seed, the progress and the verdict."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="of API workers")
    parser.add_argument("--postgres-stops", type=int, default=20, help="immediate ones")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of all choices")
    parser.add_argument("--broken", action="store_true", help="with the broken twin, which has to fail")
    told = parser.parse_args()
    print(f"Chaos with seed {told.seed}", flush=True)
    plan = Plan(told.kills, told.postgres_stops, told.seed, broken=told.broken)
    verdict = asyncio.run(_run(plan))
    print(verdict)
    return 1 if verdict.differences else 0


async def _run(plan: Plan) -> Verdict:
    async with ground() as built:
        return await run(built, plan, lambda text: print(text, flush=True))


if __name__ == "__main__":
    sys.exit(main())
