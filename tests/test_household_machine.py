"""Everything that changes households, links and rights, by random people and beside a plain model (I1–I16).

`make prove` takes 10,000 steps, `make test` some dozens. After each step the model, the invariants of SPEC 4.3, and
what people see and which ids name anything for them are looked at.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.profile import Profile
from server.settings import Settings
from tests.conftest import SECRET
from tests.household_machine.cares import Cares
from tests.household_machine.families import Families
from tests.household_machine.invariants import CHECKS, broken
from tests.household_machine.links import Links
from tests.household_machine.machine import Machine
from tests.household_machine.picture import look
from tests.household_machine.records import Actor, Way
from tests.household_machine.sims import Sims
from tests.household_machine.world import Ground, World, patient

_PROVE = bool(os.environ.get("HEARTH_PROVE"))
# Examples in which no step is left end early, so there are more of them than 10,000 steps would need.
_EXAMPLES, _STEPS = (300, 50) if _PROVE else (3, 40)


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
    # What is looked at before the first step of an example is none.
    assert Machine.taken - _EXAMPLES > (10_000 if _PROVE else 60)


_FREELY = "set local session_replication_role = replica"
_UNCHECKED = """
do $$ declare named record; begin
  for named in select conrelid::regclass as owner, conname from pg_constraint
    where contype = 'c' and conrelid in ('number_link'::regclass, 'payment'::regclass)
  loop execute format('alter table %s drop constraint %I', named.owner, named.conname); end loop;
  for named in select indexrelid::regclass as owner from pg_index
    where indrelid = 'number_link'::regclass and indisunique and not indisprimary
      and not exists (select from pg_constraint where conindid = indexrelid)
  loop execute format('drop index %s', named.owner); end loop;
  for named in select conname from pg_constraint where contype = 'u' and conrelid = 'number_link'::regclass
  loop execute format('alter table number_link drop constraint %I', named.conname); end loop;
end $$
"""
_LINK = """
insert into number_link (household_id, line_id, kind, status, scopes, sim_epoch, contract_epoch, requested_at,
  confirmed_at, requester_id)
select h.id, l.id, 'PRIMARY', 'ACTIVE', '{VIEW,DETAILS}', 1, 1, now(), now(), null from household h, line l
where h.ref = 'smiths' and l.msisdn like '%06' returning id
"""
_CONSENT = """
insert into consent (link_id, method, text, scopes, given_at, challenge_id)
select max(id), 'SMS_CODE', 'Детализация: да', '{VIEW,DETAILS}', now(), null from number_link
"""
_CHALLENGE = """
insert into challenge (id, operator, purpose, channel, target, code_hmac, attempts, max_attempts, created_at,
  expires_at, initiator, sent, tag)
values (gen_random_uuid(), 'beeline', 'SIGN_IN', 'SMS', '1', '', 2, 5, now(), now(), 'x', true, 'AB')
"""
_JOINED = """
insert into audit_event (operator, user_id, action, details, at, household_id)
select 'beeline', min(user_id), 'MEMBER_JOINED', '{}', now(), (select id from household where ref = 'eves')
from membership
"""
_PAID = """
insert into payment (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee, refunded,
  method_kind, save_method, provider, provider_key, confirmation, hold, created_at, checks, confirm_by)
select 'beeline', l.user_id, 'balance-1', '', 'FROM_BALANCE', 'COMPLETED', l.account_id, '', 'RUB', 1, 0, 0,
  'MOBILE_BALANCE', false, 'balance', gen_random_uuid(), 'NONE', false, now(), 0, now()
from line l where l.msisdn like '%02'
"""
SABOTAGE = {
    "i1": ["update membership set role = 'ADULT' where role = 'OWNER'"],
    "i2": [
        "update membership set role = 'ADULT' where role = 'OWNER'",
        "update membership set role = 'OWNER' where id = (select min(id) from membership where role = 'CHILD')",
    ],
    "i3": [_LINK],
    "i4": ["update number_link set kind = 'SECONDARY'"],
    "i5": [_JOINED, "update household set name = 'Theirs' where ref = 'smiths'"],
    "i6": ["update number_link set scopes = '{VIEW,DETAILS,PAY}'"],
    "i7": ["update line set sim_epoch = 2"],
    "i9": ["update consent set text = 'Детализация: нет'"],
    "i10": ["update challenge set attempts = 1"],
    "i12": ["update ledger_account set balance = balance + 1 where kind = 'PERSONAL'"],
    "i13": [
        "update number_link set line_id = (select id from line where msisdn like '%02')",
        _LINK.replace("%06", "%03"),
    ],
    "i14": [_PAID],
    "i15": ["update number_link set scopes = '{VIEW,CLOSE}'"],
    "i16": ["update membership set role = 'VIEWER' where role = 'ADULT'"],
}


def test_every_invariant_tells_of_what_breaks_it(ground: Ground) -> None:
    """Each of them, and none before: what is broken is broken by hand, past every guard of the database."""

    async def broken_by(statements: list[str]) -> list[str]:
        database = world.database
        transaction = database.transaction()
        await transaction.start()
        before = await look(database)
        for statement in (_FREELY, *statements):
            await database.execute(statement)
        found = broken(before, await look(database))
        await transaction.rollback()
        return found

    with ground.runner:
        world = World(ground)
        for statement in (_UNCHECKED, _LINK, _CONSENT, _CHALLENGE):
            world.run(world.database.execute(statement))
        assert world.run(broken_by([])) == []
        told = {name: world.run(broken_by(statements)) for name, statements in SABOTAGE.items()}
        world.close()
    for name, found in told.items():
        assert any(each.startswith(f"{name}_") for each in found), (name, found)
    assert {check.__name__.partition("_")[0] for check in CHECKS} == set(SABOTAGE)


def test_i8_i11_i13_i16_tell_of_what_breaks_them(ground: Ground) -> None:
    """What is looked at through the cabinet: somebody sees another line, a log and a question tell something else."""
    Machine.ground = ground
    with ground.runner:
        machine = Machine()
        database, picture = machine.world.database, machine.picture
        ann, cid = (next(each for each in machine.state.actors if each.ref == ref) for ref in ("ann", "cid"))
        line = machine.state.line_of(cid.msisdn)
        assert line is not None
        seen = Actor(ann, Way.PLAIN)
        assert machine.i8_everybody_sees_what_they_may(seen) == []
        assert machine.i13_a_child_may_always(line) == []
        event = {"id": 10**9, "line_id": line.id}
        told = {**picture, "audit": {10**9: event}}
        assert machine.i16_who_uses_a_number_reads_of_it(picture, told) != []
        answer: dict[str, Any] = {
            "status": "PENDING",
            "link": None,
            "targetMasked": "***1006",
            "requestedScopes": ["VIEW"],
            "kind": "PRIMARY",
            "isIncoming": False,
            "challenge": {"channel": "SMS", "deliveryStatus": "UNKNOWN", "attemptsLeft": 5},
        }
        changes: tuple[dict[str, Any], ...] = (
            {},
            {"status": "EXPIRED"},
            {"challenge": {**answer["challenge"], "deliveryStatus": "FAILED"}},
        )
        for changed in changes:
            same = machine.i11_asking_tells_nothing(
                answer | changed, "79030001006", frozenset({"VIEW"}), "PRIMARY", is_to_asker=False
            )
            assert same == (not changed)
        sql = "update membership set role = 'ADULT' where role = 'CHILD'"
        machine.run(database.execute(sql))
        assert machine.i8_everybody_sees_what_they_may(seen) != []
        machine.teardown()
