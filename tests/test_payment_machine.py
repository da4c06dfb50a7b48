"""Payments step by step, at random, against a plain model of what should become of them (I17).

`make prove` takes 10,000 steps, `make test` some hundreds. Whatever the bank says, twice, late or backwards, whoever
pays, wants it back, owes it or has it paid automatically: our records and the money in the accounts are the model's.
"""

import os
from collections.abc import Mapping

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.profile import Profile
from models.database import database
from services.ledger_verify import LedgerProven, verify
from tests.machine.automatic import Automatic
from tests.machine.machine import Machine
from tests.machine.paying import Paying
from tests.machine.promising import Promising
from tests.machine.refunding import Refunding
from tests.machine.world import World

_PROVE = bool(os.environ.get("HEARTH_PROVE"))
# Examples in which no step is left end early, so there are more of them than 10,000 steps would need.
_EXAMPLES, _STEPS = (300, 50) if _PROVE else (8, 50)


def test_i17_payments_never_diverge_from_a_plain_model(empty_database: str, profiles: Mapping[str, Profile]) -> None:
    class PaymentMachine(Paying, Refunding, Automatic, Promising):
        world = World(empty_database, profiles["beeline"])

    world = PaymentMachine.world
    connection = database(empty_database, pool_size=4)
    with world.runner:
        world.run(connection.__aenter__())
        try:
            run_state_machine_as_test(
                PaymentMachine,
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
            assert isinstance(world.run(verify(empty_database)), LedgerProven)
            # What is looked at before the first step of an example is none.
            assert Machine.steps - _EXAMPLES > (10_000 if _PROVE else 200)
        finally:
            world.run(connection.__aexit__(None, None, None))
