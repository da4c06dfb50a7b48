"""Everything that changes households, links and rights, by random people and beside a plain model (I1–I16).

`make prove` takes 10,000 steps, `make test` some dozens. After each step the model, the invariants of SPEC 4.3, and
what people see and which ids name anything for them are looked at.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.profile import Profile
from server.settings import Settings
from tests.conftest import SECRET
from tests.household_machine.cares import Cares
from tests.household_machine.families import Families
from tests.household_machine.links import Links
from tests.household_machine.sims import Sims
from tests.household_machine.world import Ground, patient

_PROVE = bool(os.environ.get("HEARTH_PROVE"))
_EXAMPLES, _STEPS = (200, 50) if _PROVE else (3, 40)


@pytest.fixture
def ground(engine: str, village_template: str, profiles: Mapping[str, Profile], tmp_path: Path) -> Ground:
    """Where every example is a village of its own."""
    server = Settings(env="development", database_url=village_template, secret=SECRET, data=tmp_path)
    return Ground(engine, village_template, server, patient(profiles["beeline"]), tmp_path / "registry")


def test_i8_households_never_diverge_from_a_plain_model(ground: Ground) -> None:
    class HouseholdMachine(Families, Links, Sims, Cares):
        pass

    HouseholdMachine.ground = ground
    with ground.runner:
        run_state_machine_as_test(
            HouseholdMachine,
            settings=settings(
                max_examples=_EXAMPLES,
                stateful_step_count=_STEPS,
                deadline=None,
                derandomize=not _PROVE,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, *([Phase.shrink] if _PROVE else [])],
            ),
        )
