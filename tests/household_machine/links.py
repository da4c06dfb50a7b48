"""Steps of links: asking for a number, answering, what links allow, ending them (F040, F044, F051, F161)."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from resolvers.node_id import decode, encode
from services import link_revocation
from tests import family
from tests.household_machine import link_rules as rules
from tests.household_machine.machine import Machine
from tests.household_machine.records import CODE_SECONDS, Actor, House, Line, Link, Request, Way
from tests.household_machine.rights import answers
from tests.linking import FREE, OPERATOR, REQUEST

_LOOK, _HELP = frozenset({"VIEW", "PAY"}), frozenset({"VIEW", "USAGE", "PAY", "AUTOPAY", "SERVICES", "BLOCK"})
_ALL = frozenset(rules.DELEGABLE["PRIMARY"])
_SETS = st.sampled_from(
    [_LOOK, _LOOK, _HELP, _HELP, _ALL, _ALL, _HELP | {"DETAILS", "LIMITS"}, frozenset({"CLOSE", "VIEW"}), frozenset()]
)
_KINDS = st.sampled_from(["PRIMARY", "PRIMARY", "SECONDARY"])
_ASKED = f"linkRequest {{ {REQUEST} }} link {{ id }} line {{ id }}"


class Links(Machine):
    """What people do with links."""

    @rule(data=st.data(), scopes=_SETS, kind=_KINDS, moves=st.sampled_from([False, False, False, True]))
    def ask(self, data: st.DataObject, scopes: frozenset[str], kind: str, moves: bool) -> None:
        """For a number of somebody's, or of nobody: the answer is the same (I11)."""
        actor = self.somebody(data)
        number = family.number(OPERATOR, FREE)
        numbers = [each.msisdn for each in self.state.lines.values() if each.msisdn]
        proven = [each.target for each in self.state.requests.values() if each.is_proven_at is not None]
        target = data.draw(st.sampled_from([*numbers, number, *(proven if moves else [])]))
        house = data.draw(st.sampled_from([None, None, *self.state.houses.values()]))
        if house is not None and data.draw(st.booleans()):
            actor = self.somebody(data, *house.members)
        self._ask(actor, target, scopes, kind, house, moves=moves)

    @initialize(data=st.data())
    def some_numbers_are_linked(self, data: st.DataObject) -> None:
        for _ in range(3):
            self.ask_and_confirm(data, data.draw(st.sampled_from([_HELP, _ALL])), "PRIMARY")

    @rule(data=st.data(), scopes=st.sampled_from([_LOOK, _HELP, _ALL]), kind=_KINDS)
    def ask_and_confirm(self, data: st.DataObject, scopes: frozenset[str], kind: str) -> None:
        """Somebody who may asks for the number of somebody beside them, who reads them the code."""
        adults = {each.user for house in self.state.houses.values() for each in house.members.values()
                  if each.role in ("OWNER", "ADULT")}  # fmt: skip
        numbers = [each for each in self.state.lines.values() if each.msisdn and each.status == "ACTIVE"]
        able = [each for each in self.state.actors if each.id in adults]
        if not able or not numbers:
            return
        actor = self.actor = Actor(data.draw(st.sampled_from(able)), Way.PROVEN)
        line, known = data.draw(st.sampled_from(numbers)), set(self.state.requests)
        self._ask(actor, line.msisdn or "", scopes & rules.DELEGABLE[kind], kind, None, moves=False)
        for key in set(self.state.requests) - known:
            self._confirm(actor, self.state.requests[key], typed_well=True)

    @precondition(lambda self: bool(self.state.requests))
    @rule(data=st.data(), typed_well=st.sampled_from([True, True, True, False]))
    def confirm(self, data: st.DataObject, typed_well: bool) -> None:
        """By the code, mostly in the session that asked."""
        request = self.pick(data, list(self.state.requests.values()))
        self._confirm(self._in_session_of(data, request), request, typed_well=typed_well)

    @precondition(lambda self: bool(self.state.requests))
    @rule(data=st.data(), move=st.booleans())
    def approve(self, data: st.DataObject, move: bool) -> None:
        """Who answers for the number says yes, to all of it or to less, or to what nobody asked."""
        request, actor = self._request(data)
        scopes = data.draw(st.sampled_from([request.scopes, request.scopes, request.scopes & _LOOK, _ALL]))
        due = rules.approve(self.state, actor, request, scopes, move=move)
        given = {"linkRequestId": encode("LinkRequest", request.id), "scopes": sorted(scopes), "move": move}
        self._linked(self.told(due, actor, "approveLinkRequest", "link { id }", **given))

    @precondition(lambda self: bool(self.state.requests))
    @rule(data=st.data(), reported=st.sampled_from([False, False, True]))
    def decline(self, data: st.DataObject, reported: bool) -> None:
        request, actor = self._request(data)
        due = rules.decline(self.state, actor, request, reported=reported)
        self.told(
            due, actor, "declineLinkRequest", linkRequestId=encode("LinkRequest", request.id), reportAbuse=reported
        )

    @rule(data=st.data(), allow=st.sampled_from([True, True, False]))
    def set_privacy(self, data: st.DataObject, allow: bool) -> None:
        line, actor = self._line(data)
        due = rules.set_privacy(actor, line, allow=allow)
        self.told(due, actor, "setLinkPrivacy", lineId=encode("Line", line.id), allowRequests=allow)

    @precondition(lambda self: bool(self.state.links))
    @rule(data=st.data(), silent=st.booleans())
    def revoke(self, data: st.DataObject, silent: bool) -> None:
        link, actor = self._link(data)
        due = rules.revoke(self.state, actor, link)
        self.told(due, actor, "revokeLink", linkId=encode("NumberLink", link.id), silent=silent)

    @precondition(lambda self: bool(self.state.links))
    @rule(data=st.data(), scopes=_SETS)
    def change_scopes(self, data: st.DataObject, scopes: frozenset[str]) -> None:
        link, actor = self._link(data)
        due = rules.change_scopes(self.state, actor, link, scopes)
        given = {"linkId": encode("NumberLink", link.id), "scopes": sorted(scopes)}
        self.told(due, actor, "updateLinkScopes", "link { id }", **given)

    @rule(data=st.data(), label=st.sampled_from(["Бабушка", "Планшет"]))
    def rename(self, data: st.DataObject, label: str) -> None:
        line, actor = self._line(data)
        due = rules.rename(self.state, actor, line)
        self.told(due, actor, "renameLine", "line { id label }", lineId=encode("Line", line.id), label=label)

    @rule(data=st.data())
    def reply_stop(self, data: st.DataObject) -> None:
        """To the operator's number, without any cabinet."""
        line, _ = self._line(data)
        if line.msisdn is not None:
            self.run(link_revocation.stop(self.ground.profile, line.msisdn))
            rules.stop(self.state, line)

    # How

    def _ask(
        self, actor: Actor, target: str, scopes: frozenset[str], kind: str, house: House | None, *, moves: bool
    ) -> None:
        due = rules.ask(self.state, actor, target, scopes, kind, house, moves=moves)
        given: dict[str, Any] = {"msisdn": target, "scopes": sorted(scopes), "kind": kind, "move": moves}
        given["householdId"] = None if house is None else encode("Household", house.id)
        made = self.told(due.code, actor, "requestNumberLink", _ASKED, **given)
        if made is None:
            return
        if due.line is not None or due.link is not None:
            assert (made["line"] is None, made["link"] is None) == (due.line is None, due.link is None)
            assert made["linkRequest"] is None
            return
        assert (made["line"], made["link"]) == (None, None)
        self._asked(actor, made["linkRequest"], target, kind, scopes, due.house, moves=moves)

    def _confirm(self, actor: Actor, request: Request, *, typed_well: bool) -> None:
        code = request.code
        assert code is not None
        digits = self.world.code(code.id)
        right = typed_well and digits is not None
        due = rules.confirm(self.state, actor, (actor.id, actor.way), request, right=right)
        given = {"challengeId": code.id, "code": digits if right else "000000" if digits != "000000" else "111111"}
        self._linked(self.told(due, actor, "confirmNumberLink", "link { id }", **given))

    def _asked(
        self,
        actor: Actor,
        told: dict[str, Any],
        target: str,
        kind: str,
        scopes: frozenset[str],
        house: House | None,
        *,
        moves: bool,
    ) -> None:
        """Note a question, new or asked again, whose code takes the place of the session's others to the number."""
        session, key = (actor.id, actor.way), _key(told["id"])
        code = self.code(told["challenge"]["id"], target, session)
        for each in self.state.codes[:-1]:
            if (each.target, each.session) == (target, session) and not each.is_used:
                each.expires_at = min(each.expires_at, self.state.now)
        line = self.state.line_of(target)
        if key not in self.state.requests:
            reached = line if rules.reaches(self.state, actor.id, line) else None
            epochs = (reached.sim_epoch, reached.contract_epoch) if reached else (None, None)
            self.state.requests[key] = Request(
                key, actor.id, session, house, target, reached, kind, moves, scopes, *epochs
            )
        request = self.state.requests[key]
        same = line is not None and (request.sim_epoch, request.contract_epoch) == (line.sim_epoch, line.contract_epoch)
        is_sent = same and request.status == "PENDING" and rules.reaches(self.state, actor.id, line)
        request.code, request.expires_at = code, self.state.now + CODE_SECONDS
        assert (self.world.code(code.id) is not None) == is_sent, (request, line)
        mine = request.line is not None and answers(self.state, request.line) == actor.id
        assert self.i11_asking_tells_nothing(told, target, scopes, kind, is_to_asker=mine), told

    def _linked(self, made: dict[str, Any] | None) -> None:
        if made is None:
            return
        key = _key(made["link"]["id"])
        sql = """
select l.household_id, h.name, m.id from number_link l join household h on h.id = l.household_id
join membership m on m.household_id = h.id and m.role = 'OWNER' and m.status = 'ACTIVE' where l.id = $1
"""
        [(house, name, owner)] = self.world.rows(sql, key)
        rules.made(self.state, key, house, name, owner)

    def _in_session_of(self, data: st.DataObject, request: Request) -> Actor:
        asker = self.state.people[request.requester]
        is_same = data.draw(st.integers(0, 5)) > 0 and asker.msisdn is not None
        ways = [way for way in Way if request.session == (asker.id, way)]
        self.actor = Actor(asker, ways[0]) if is_same else self.somebody(data, asker)
        return self.actor

    def _request(self, data: st.DataObject) -> tuple[Request, Actor]:
        request = self.pick(data, list(self.state.requests.values()))
        return request, self.somebody(data, answers(self.state, request.line) if request.line else None)

    def _link(self, data: st.DataObject) -> tuple[Link, Actor]:
        link = self.pick(data, list(self.state.links.values()))
        owner = None if link.house.is_dissolved else link.house.owner.user
        return link, self.somebody(data, link.line.user, owner, link.requester)

    def _line(self, data: st.DataObject) -> tuple[Line, Actor]:
        line = data.draw(st.sampled_from(list(self.state.lines.values())))
        return line, self.somebody(data, line.user)


def _key(global_id: str) -> int:
    named = decode(global_id)
    assert named is not None
    return int(named.key)
