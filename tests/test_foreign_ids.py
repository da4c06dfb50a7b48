"""Every place that takes an id × everybody: a foreign id answers exactly as one that does not exist (SPEC 4.4, I8)."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson
import pytest
from graphql import GraphQLInterfaceType
from starlette.requests import HTTPConnection

from domain.profile import Profile
from loaders.batch import Batches
from resolvers.node_id import decode, encode
from server.graphql_context import Contexts
from server.live import Hub
from server.settings import Settings
from tests import family
from tests.cabinet import Cabinet
from tests.databases import created, fetch
from tests.foreign import OTHER_OPERATOR, PEOPLE, ZOE, belongings, challenges, furnish
from tests.household_records import everything
from tests.linking import ANN, BOB, CID, EVE, FRED, GRANNY, IVAN, OPERATOR, VERA
from tests.linking import opened as village
from tests.places import NO_OBJECTS, OTHERS, PURPOSES, TYPES, Place, operation, places, variables
from tests.serving import SCHEMA as STRAWBERRY
from tests.session import open_session
from tests.till import taking_everything

SCHEMA = STRAWBERRY._schema
# A line's own services take no line.
NEVER = {"Line.availableServices.filter.availableForLine"}
PLACES = [place for place in places(SCHEMA) if place.path[-1] not in NO_OBJECTS and str(place) not in NEVER]
OPERATIONS = {place: operation(SCHEMA, place) for place in PLACES}
NODE = "query ($id: ID!) { node(id: $id) { __typename id } nodes(ids: [$id]) { __typename id } }"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)")

NOBODY = -1
# They ask for what is Eve's, and for what is another operator's. Eve, of another household, asks for what is Ann's.
CALLERS = {
    "owner": ANN,
    "adult": BOB,
    "child": CID,
    "viewer": VERA,
    "stranger": GRANNY,
    "other household": EVE,
    "anonymous": NOBODY,
}
# Whose an object is to use, where it is not the owner's of the house.
HOLDERS = {
    "acceptInvitation": FRED,
    "declineInvitation": FRED,
    "requestOwnershipTransferCode": IVAN,
    "acceptOwnershipTransfer": IVAN,
}
# Before anybody is signed in, a challenge's id is the proof that one asked for the code: nobody is foreign to it.
BEARERS = {"REGISTER", "RECOVER", "SIGN_IN"}
_TOUCHED = {"session", "counter", "sim_check"}
PUBLIC = {"Operator", "Tariff", "Service", "RingbackTone", "Bundle"}
# What has an id and is no node.
NO_NODES = {"RingbackRule"}
# After these nothing is left to be asked for.
LAST = ["leaveHousehold", "dissolveHousehold", "removeMember"]
MALFORMED = ("", "nonsense", "🏠" * 20, "x" * 10_000, str(UUID(int=1)))


@dataclass(frozen=True)
class Someone:
    """Somebody's cabinet, and the ids of what is theirs, by type and by the purpose of a code."""

    cabinet: Cabinet
    own: Mapping[str, str]
    codes: Mapping[str, str]

    def of(self, place: Place) -> str:
        """What of theirs somebody would ask for in that place."""
        if place.type_name != "Challenge":
            return self.own[place.type_name]
        purpose = PURPOSES[place.field]
        return self.codes["STEP_UP" if purpose in BEARERS else purpose]

    def all_own(self, place: Place) -> Mapping[str, str]:
        """What of theirs, or of nobody's, stands beside what is asked for."""
        code = self.codes.get(PURPOSES.get(place.field, ""), str(NO_CODE))
        nothing = {name: unknown(name) for name in (*TYPES.values(), *OTHERS.values())}
        return nothing | dict(self.own) | {"Challenge": code}


NO_CODE = UUID(int=0)


def unknown(type_name: str) -> str:
    """An id of that type which names nothing."""
    return str(NO_CODE) if type_name == "Challenge" else encode(type_name, 999_999_999)


@dataclass(frozen=True)
class World:
    """The people of `tests.foreign` in a database, and their cabinets."""

    url: str
    contexts: Contexts
    anybody: Cabinet
    people: Mapping[tuple[str, int], Someone]

    def caller(self, name: str) -> Someone:
        return self.people[OPERATOR, CALLERS[name]]

    async def answer(self, someone: Someone, place: Place, wanted: str) -> str:
        """What somebody is answered, without its moments and without the id itself."""
        given = variables(SCHEMA, place, wanted, someone.all_own(place))
        if place.root == "subscription":
            answer = await self._follow(someone.cabinet, OPERATIONS[place], given)
        else:
            answer = await someone.cabinet.ask(OPERATIONS[place], **given)
            answer.pop("extensions", None)
        text = MOMENT.sub("<moment>", orjson.dumps(answer, option=orjson.OPT_SORT_KEYS).decode())
        assert "RATE_LIMITED" not in text, "a limit hides what is told"
        return text.replace(wanted, "<id>") if wanted else text

    async def rest(self) -> Mapping[str, str]:
        """All that there is, but for what says that somebody was here and asked about their own."""
        return {name: sum for name, sum in (await everything(self.url)).items() if name not in _TOUCHED}

    async def _follow(self, cabinet: Cabinet, text: str, given: dict[str, Any]) -> Any:
        """All that a subscription tells before anything happens."""
        headers = [(b"authorization", f"Bearer {cabinet.token}".encode())] if cabinet.token else []
        connection = HTTPConnection({"type": "http", "scheme": "http", "path": "/", "headers": headers})
        profile, reads = self.contexts.profiles[str(cabinet.operator)], self.contexts.reader()
        token = self.contexts.token(connection, profile, f"Bearer {cabinet.token}" if cabinet.token else None)
        caller = await self.contexts.caller(token, profile, reads)
        whence, ear = self.contexts.whence(connection), Hub(self.url, at_once=1).ear()
        context = self.contexts.context(whence, profile, caller, reads, Batches(), live=ear)
        told = await STRAWBERRY.subscribe(text, variable_values=given, context_value=context)
        assert isinstance(told, AsyncIterator), told
        try:
            return [{"data": each.data, "errors": [str(e) for e in each.errors or ()]} async for each in told]
        finally:
            await context.close()


def offering_everything(profile: Profile) -> Profile:
    """The profile of an operator with every service that has an id to ask with."""
    services = {"ringback": True, "ringback_gift": True, "status_message": True, "data_sharing": True,
                "data_sharing_max_gb_month": 30, "data_sharing_ttl_days": 7, "tv_trial_days": 30}  # fmt: skip
    changed = {
        "services": profile.services.model_copy(update=services),
        "tariffs": profile.tariffs.model_copy(update={"configure": True, "compare": True}),
    }
    return profile.model_copy(update=changed)


@pytest.fixture(scope="module")
async def world(
    engine: str,
    empty_template: str,
    settings: Settings,
    profiles: Mapping[str, Profile],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """Everybody at home. It is one database for the whole file: what is not there changes nothing."""
    served = {**profiles, OPERATOR: offering_everything(taking_everything(profiles[OPERATOR]))}
    async with created(engine, "foreign", empty_template) as url:
        await family.load(url, profiles, tmp_path_factory.mktemp("foreign"), PEOPLE)
        await furnish(url, settings.key)
        async with village(url, settings, served) as there:
            people = {(OPERATOR, NOBODY): Someone(there.anybody.of(OPERATOR), {}, {})}
            for operator, index in (
                *((OPERATOR, i) for i in {*CALLERS.values(), *HOLDERS.values()} - {NOBODY}),
                (OTHER_OPERATOR, ZOE),
            ):
                token = await open_session(url, operator, family.number(operator, index))
                own, codes = await belongings(url, operator, index), await challenges(url, operator, index)
                people[operator, index] = Someone(there.anybody.of(operator, token), own, codes)
            await fetch(url, "update session set stepped_up_at = now()")
            yield World(url, there.contexts, there.anybody, people)


def test_every_place_is_known() -> None:
    """A place with a name of its own has to be told here what its ids are of."""
    unknown = {place.path[-1] for place in places(SCHEMA)} - set(TYPES) - NO_OBJECTS
    assert unknown == set()
    assert len(PLACES) > 60


@pytest.mark.parametrize("name", CALLERS)
async def test_i8_foreign_ids_are_answered_as_unknown_ones(world: World, name: str) -> None:
    caller = world.caller(name)
    foreigners = [world.people[OPERATOR, ANN if caller is world.people[OPERATOR, EVE] else EVE]]
    if name in ("owner", "stranger"):
        foreigners.append(world.people[OTHER_OPERATOR, ZOE])
    before = await world.rest()
    told = {}
    for place in PLACES:
        expected = await world.answer(caller, place, unknown(place.type_name))
        for foreigner in foreigners:
            answer = await world.answer(caller, place, foreigner.of(place))
            if answer != expected:
                told[str(place)] = (answer, expected)
    assert told == {}
    assert await world.rest() == before


async def test_i8_ids_of_no_kind_are_answered_as_unknown_ones(world: World) -> None:
    """Malformed ones, and those of what the caller does have, called something else."""
    caller = world.caller("owner")
    before = await world.rest()
    told = {}
    for place in PLACES:
        expected = await world.answer(caller, place, unknown(place.type_name))
        mine = decode(caller.own.get(place.type_name, ""))
        renamed = [encode(name, mine.key) for name in ("Line", "Household") if name != place.type_name] if mine else []
        for wanted in (*renamed, *MALFORMED, encode(place.type_name, 10**30), encode(place.type_name, -1)):
            answer = await world.answer(caller, place, wanted)
            if answer != expected:
                told[str(place), wanted] = (answer, expected)
    assert told == {}
    assert await world.rest() == before


async def test_every_object_can_be_asked_for_again_by_its_holder(world: World) -> None:
    eve = world.people[OPERATOR, EVE]
    for type_name, wanted in eve.own.items():
        if type_name in NO_NODES:
            continue
        found = {"__typename": type_name, "id": wanted}
        assert await eve.cabinet.data(NODE, id=wanted) == {"node": found, "nodes": [found]}
    kinds = {each.name for each in SCHEMA.get_possible_types(cast(GraphQLInterfaceType, SCHEMA.type_map["Node"]))}
    assert kinds - PUBLIC == set(eve.own) - NO_NODES


@pytest.mark.parametrize("name", CALLERS)
async def test_i8_foreign_nodes_are_null(world: World, name: str) -> None:
    caller = world.caller(name)
    foreigners = [world.people[OPERATOR, ANN if name == "other household" else EVE], world.people[OTHER_OPERATOR, ZOE]]
    for foreigner in foreigners:
        for type_name, wanted in foreigner.own.items():
            found = await caller.cabinet.data(NODE, id=wanted)
            assert found == {"node": None, "nodes": [None]}, type_name


async def test_every_object_is_its_holders_to_use(world: World) -> None:
    """Were an id refused to everybody, the tests above would prove nothing. This one changes much, and is the last."""
    alike = []
    for place in sorted(PLACES, key=lambda each: LAST.index(each.field) if each.field in LAST else -1):
        await fetch(world.url, "update invitation set status = 'PENDING', resolved_at = null")
        holder = world.people[OPERATOR, HOLDERS.get(place.field, EVE)]
        house = world.people[OPERATOR, EVE]
        wanted = house.own.get(place.type_name) or holder.codes[PURPOSES[place.field]]
        answer = await world.answer(holder, place, wanted)
        if answer == await world.answer(holder, place, unknown(place.type_name)):
            alike.append(f"{place}: {answer}")
    assert not alike, "\n".join(alike)
