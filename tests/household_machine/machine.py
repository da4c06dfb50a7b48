"""What every step has at hand, the clock, and what holds after each step."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.child_policy import UseKind, Wish
from domain.usage import UsageUnit
from domain.usage_limit import Use
from models.database import tx
from resolvers.node_id import decode, encode
from services import approval, link_rest, ownership_transfer, sim_watch, usage_limit
from tests.household_machine import care_rules, compare, handover_rules, link_rules, views
from tests.household_machine.invariants import broken
from tests.household_machine.picture import Picture
from tests.household_machine.records import CODE_SECONDS, DAY, OK, Actor, Code, House, Line, Member, Person, Way
from tests.household_machine.rights import rights
from tests.household_machine.state import State
from tests.household_machine.world import Ground, World

T = TypeVar("T")

# Mostly those who may; those who may not are refused alike.
_WAYS = (Way.PROVEN,) * 6 + (Way.PLAIN, Way.PARTIAL)
_PASSES = st.sampled_from([60.0, 360.0, *[25 * 3600.0] * 4, 73 * 3600.0, 366 * DAY])
_ERRORS = """
userErrors { code message field ... on AccountAsked { linkRequest { id } } ... on ApprovalRequired { approval { id } } }
"""
_INPUTS = {"confirmNumberLink": "ConfirmChallengeInput"}
_LOG = "query ($line: ID!) { viewer { auditLog(lineId: $line, first: 20) { edges { node { id } } } } }"


class Machine(RuleBasedStateMachine):
    """The village and its model; `ground` is set by the test. `taken` are the steps of all examples."""

    ground: ClassVar[Ground]
    taken: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.world = World(self.ground)
        self.picture = self.world.picture()
        self.state = settled(self.picture)
        self.actor: Actor | None = None
        for person in self.state.people:
            self.world.sign_in(person)
        self.run(sim_watch.ask_about(self.world.registry, self.ground.profiles, list(self.state.lines)))
        self.run(self._limited())

    def teardown(self) -> None:
        self.world.close()

    @rule(seconds=_PASSES)
    def time_passes(self, seconds: float) -> None:
        """Codes, questions, invitations and blocks end in their time, and what is due is done."""
        self.state.now += seconds
        self.world.time_passes(seconds)
        self.run(ownership_transfer.complete_due(self.ground.profiles))
        self.run(link_rest.rest_overdue(self.ground.profiles))
        self.run(approval.expire())
        handover_rules.hand_over_what_is_due(self.state)
        link_rules.rest_overdue(self.state)
        care_rules.expire_questions(self.state)

    @invariant()
    def everything_holds(self) -> None:
        """The model is right, nothing that must not be is stored, and people see what is theirs."""
        self.steps += 1
        Machine.taken += 1
        before, self.picture = self.picture, self.world.picture()
        self.world.forget_counters()
        wrong = [
            *compare.differences(self.state, self.picture),
            *broken(before, self.picture),
            *self.i16_who_uses_a_number_reads_of_it(before, self.picture),
            *self.i13_a_child_may_always(self._one(list(self.state.lines.values()))),
        ]
        for actor in self._watchers():
            wrong += self.i8_everybody_sees_what_they_may(actor)
        assert not wrong, "\n".join(wrong)

    def i8_everybody_sees_what_they_may(self, actor: Actor) -> list[str]:
        """What one session is shown beside the model, and which ids name anything for it."""
        told, due = views.seen(self.world, actor), views.expected(self.state, actor)
        wrong = [f"{actor} sees {key}: {told[key]}, not {due[key]}" for key in due if told[key] != due[key]]
        ids = views.named(self.state, actor)
        named = dict(zip(ids, views.nodes(self.world, actor, list(ids)), strict=True))
        return wrong + [f"{actor} and {decode(each)}: {named[each]}" for each in ids if named[each] != ids[each]]

    def i11_asking_tells_nothing(
        self, told: dict[str, Any], target: str, scopes: frozenset[str], kind: str, *, is_to_asker: bool
    ) -> bool:
        """Whether what is answered of a number follows from the question, and from who answers for it, alone."""
        challenge = told["challenge"]
        return (told["status"], told["link"]) == ("PENDING", None) and (
            (told["targetMasked"], frozenset(told["requestedScopes"]), told["kind"])
            == (f"***{target[-4:]}", scopes, kind)
            and (challenge["channel"], challenge["deliveryStatus"], challenge["attemptsLeft"]) == ("SMS", "UNKNOWN", 5)
            and told["isIncoming"] == is_to_asker
        )

    def i13_a_child_may_always(self, line: Line) -> list[str]:
        """What is wrong with what a child's line can always do: emergency calls, top-ups, being blocked as lost."""
        if self.state.child_house(line) is None or line.has_ended:
            return []
        kinds = (
            (UseKind.CALL, "112"),
            (UseKind.TOP_UP, None),
            (UseKind.BLOCK_AS_LOST, None),
            (UseKind.LINK_NOTICE, None),
        )

        async def look(connection: BaseDBAsyncClient) -> list[str]:
            said = {}
            for kind, number in kinds:
                wish = Wish(kind, Use(price=10**9, unit=UsageUnit.MINUTE), number=number)
                said[kind] = await usage_limit.may_spend(connection, self.ground.profile, line.id, wish)
            return [f"line {line.id} and {kind}: {each}" for kind, each in said.items() if each is not None]

        missing = {"PAY", "BLOCK"} - rights(self.state, line.user or 0, line)
        found: list[str] = self.run(tx(look))
        return found + [f"the child of line {line.id} has no {each}" for each in missing]

    def i16_who_uses_a_number_reads_of_it(self, before: Picture, after: Picture) -> list[str]:
        """What was done with somebody's number just now and is not in their log."""
        news = [each for key, each in after["audit"].items() if key not in before["audit"] and each["line_id"]]
        wrong = []
        for line_id in {each["line_id"] for each in news}:
            user = self.state.people.get(self.state.lines[line_id].user or 0)
            if user is None or user.msisdn is None:
                continue
            told = self.world.ask((user.id, Way.PLAIN), _LOG, line=encode("Line", line_id))["viewer"]["auditLog"]
            read = {edge["node"]["id"] for edge in told["edges"]}
            missing = [each for each in news if each["line_id"] == line_id]
            wrong += [f"{user.ref} reads nothing of {each}" for each in missing if _event(each["id"]) not in read]
        return wrong

    # How

    def run(self, work: Any) -> Any:
        """What came of it."""
        return self.world.run(work)

    def somebody(self, data: st.DataObject, *likely: Person | int | None) -> Actor:
        """An actor in one of their sessions: `likely` ones as often as everybody else together."""
        among: list[Person] = list(self.state.actors)
        wanted = [self.state.people.get(each) if isinstance(each, int) else each for each in likely]
        among += [each for each in wanted if each is not None and each.msisdn is not None] * len(among)
        self.actor = Actor(data.draw(st.sampled_from(among)), data.draw(st.sampled_from(_WAYS)))
        return self.actor

    def pick(self, data: st.DataObject, among: Sequence[T]) -> T:
        """One of them, the newest as often as all others together."""
        return data.draw(st.sampled_from([*among, *[among[-1]] * (len(among) - 1)]))

    def call(self, actor: Actor, name: str, fields: str, /, **given: Any) -> tuple[str, dict[str, Any]]:
        """The code and the payload of a mutation."""
        kind = _INPUTS.get(name, name[0].upper() + name[1:] + "Input")
        query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {fields} {_ERRORS} }} }}"
        payload: dict[str, Any] = self.world.ask((actor.id, actor.way), query, input=given)[name]
        errors = payload["userErrors"]
        told = errors[0]["code"] if errors else OK
        note(f"{actor.person.ref} {actor.way}: {name} {given} → {told}")
        assert len(errors) <= 1, errors
        return told, payload

    def told(self, due: str, actor: Actor, name: str, fields: str = "", /, **given: Any) -> dict[str, Any] | None:
        """The payload of a mutation whose answer the model foretold; None for one that was refused."""
        told, payload = self.call(actor, name, fields, **given)
        assert told == due, (told, due, actor, name, given, payload)
        return payload if told == OK else None

    def code(self, challenge: str, target: str, session: object) -> Code:
        """A code that was asked for just now."""
        found = Code(challenge, target, session, self.state.now + CODE_SECONDS, is_sent=True)
        self.state.codes.append(found)
        return found

    def _watchers(self) -> list[Actor]:
        """Who looks after this step: whoever acted, and somebody else in turn, now and then everybody."""
        people = self.state.actors
        if self.steps % 25 == 0:
            return [Actor(each, way) for each in people for way in (Way.PLAIN, Way.PARTIAL)]
        others = [Actor(self._one(people), Way.PARTIAL if self.steps % 7 == 0 else Way.PLAIN)]
        acted = self.actor if self.actor and self.actor.person.msisdn else None
        return others if acted is None or acted.person is others[0].person else [acted, *others]

    def _one(self, among: Sequence[T]) -> T:
        return among[self.steps % len(among)]

    async def _limited(self) -> None:
        await self.world.database.execute("delete from counter")


def settled(picture: Picture) -> State:
    """The village as it is before anything happens; every number has a contract and an account of its own."""
    ages = {"cid": 11, "tess": 15}
    people = [
        Person(each["id"], each["ref"], ages.get(each["ref"]), each["msisdn"]) for each in picture["person"].values()
    ]
    users = {each["person_id"]: each["id"] for each in picture["person"].values()}
    lines = [
        Line(
            each["id"],
            each["account_id"],
            each["msisdn"],
            each["user_id"],
            users.get(each["holder_id"]),
            picture["balance"][each["account_id"]]["balance"],
        )
        for each in picture["line"].values()
    ]
    houses = {each["id"]: House(each["id"], each["name"]) for each in picture["household"].values()}
    for key, each in sorted(picture["membership"].items()):
        user = each["user_id"]
        age = next(person.age for person in people if person.id == user)
        member = Member(key, user, each["role"], age if each["role"] == "CHILD" else None, key)
        houses[each["household_id"]].members[user] = member
    return State(people, lines, houses.values())


def _event(key: int) -> str:
    return encode("AuditEvent", key)
