"""Steps of who looks after whom: limits, children's questions, links for guests, blocks, top-ups (F048, F053, F054)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from resolvers.node_id import decode, encode
from tests.household_machine import care_rules as rules
from tests.household_machine.machine import Machine
from tests.household_machine.records import DAY, Actor, Guest, Limit, Line
from tests.household_machine.views import concerns

_GUEST = "query ($token: String!) { guestGrant(token: $token) { scopes usesLeft balance { available { amount } } } }"


class Cares(Machine):
    """What people do for the lines of others, and for their own."""

    @rule(
        data=st.data(),
        per=st.sampled_from(["DAY", "CALENDAR_MONTH"]),
        amount=st.sampled_from([50, 10_000]),
        on_reach=st.sampled_from(["NOTIFY", "BLOCK_ALL", "BLOCK_PAID", "ASK_OWNER"]),
    )
    def limit(self, data: st.DataObject, per: str, amount: int, on_reach: str) -> None:
        line, actor = self._child_line(data)
        due = rules.limit(self.state, actor, line, ("MONEY", per), amount * 100, on_reach)
        given = {"unit": "MONEY", "per": per, "limit": str(amount), "onReach": on_reach}
        self.told(due, actor, "setUsageLimit", "line { id }", lineId=encode("Line", line.id), **given)
        if made := self.state.limits.pop(0, None):
            [(key,)] = self.world.rows("select max(id) from usage_limit")
            made.id = key
            self.state.limits[key] = made

    @precondition(lambda self: bool(self.state.limits))
    @rule(data=st.data())
    def unlimit(self, data: st.DataObject) -> None:
        found: Limit = self.pick(data, list(self.state.limits.values()))
        actor = self.somebody(data, found.set_by, found.line.user)
        due = rules.unlimit(self.state, actor, found)
        self.told(due, actor, "removeUsageLimit", limitId=encode("UsageLimit", found.id))

    @rule(data=st.data(), may_top_up=st.booleans())
    def set_policy(self, data: st.DataObject, may_top_up: bool) -> None:
        line, actor = self._child_line(data)
        due = rules.set_policy(self.state, actor, line, may_top_up=may_top_up)
        self.told(due, actor, "setChildPolicy", lineId=encode("Line", line.id), canTopUpSelf=may_top_up)

    @rule(data=st.data(), price=st.sampled_from([100, 101, 150]))
    def ask_to_give(self, data: st.DataObject, price: int) -> None:
        """A child, or somebody in its place, sends its money to one of two people."""
        line, actor = self._child_line(data, child=True)
        if line.user == actor.id and self.state.child_house(line) is None:
            return
        others = [each for each in self.state.lines.values() if each.msisdn and each.reissued_at is None]
        target = data.draw(st.sampled_from(others[-3:]))
        due = rules.ask_to_give(self.state, actor, line, target, price * 100)
        given = {
            "idempotencyKey": str(uuid4()),
            "fromLineId": encode("Line", line.id),
            "target": {"msisdn": target.msisdn},
            "amount": {"amount": str(price), "currency": "RUB"},
        }
        told, payload = self.call(actor, "payFromBalance", "payment { id }", **given)
        assert told == due, (told, due, actor, line, target)
        if told == "APPROVAL_REQUIRED":
            rules.asked(self.state, _key(payload["userErrors"][0]["approval"]["id"]), line, target, price * 100)

    @precondition(lambda self: bool(self.state.approvals))
    @rule(data=st.data(), approve=st.booleans())
    def resolve(self, data: st.DataObject, approve: bool) -> None:
        question = self.pick(data, list(self.state.approvals.values()))
        owner = None if question.house.is_dissolved else question.house.owner.user
        actor = self.somebody(data, owner, question.child)
        due = rules.resolve(self.state, actor, question, approve=approve)
        given = {"approvalId": encode("ApprovalRequest", question.id), "approve": approve}
        self.told(due, actor, "resolveApproval", "approval { id status }", **given)

    @rule(
        data=st.data(),
        scopes=st.sampled_from([("VIEW",), ("PAY",), ("VIEW", "PAY")]),
        uses=st.sampled_from([None, 1, 2]),
    )
    def let_in(self, data: st.DataObject, scopes: tuple[str, ...], uses: int | None) -> None:
        line, actor = self._line(data)
        due = rules.let_in(self.state, actor, line)
        until = (datetime.now(UTC) + timedelta(days=7)).isoformat()
        given = {"lineId": encode("Line", line.id), "scopes": list(scopes), "expiresAt": until, "maxUses": uses}
        if made := self.told(due, actor, "createGuestGrant", "grant { id url }", **given):
            key, token = _key(made["grant"]["id"]), made["grant"]["url"].rpartition("/pay/")[2]
            ends, epochs = self.state.now + 7 * DAY, (line.sim_epoch, line.contract_epoch)
            self.state.guests[key] = Guest(key, line, actor.id, frozenset(scopes), token, uses, ends, *epochs)

    @precondition(lambda self: bool(self.state.guests))
    @rule(data=st.data())
    def shut_out(self, data: st.DataObject) -> None:
        guest = self.pick(data, list(self.state.guests.values()))
        actor = self.somebody(data, guest.by, guest.line.user)
        due = rules.shut_out(actor, guest)
        self.told(due, actor, "revokeGuestGrant", grantId=encode("GuestGrant", guest.id))

    @precondition(lambda self: bool(self.state.guests))
    @rule(data=st.data())
    def look_through_a_link(self, data: st.DataObject) -> None:
        """Somebody without any session has the link."""
        guest = self.pick(data, list(self.state.guests.values()))
        told = self.world.ask(None, _GUEST, token=guest.token)["guestGrant"]
        assert (told is not None) == rules.opens(self.state, guest)
        if told is not None:
            assert (frozenset(told["scopes"]), told["usesLeft"]) == (guest.scopes, guest.uses_left)
            assert (told["balance"] is not None) == ("VIEW" in guest.scopes)

    @rule(data=st.data(), amount=st.sampled_from([100, 500]), how=st.sampled_from(["id", "number", "guest"]))
    def top_up(self, data: st.DataObject, amount: int, how: str) -> None:
        guests = list(self.state.guests.values())
        guest = self.pick(data, guests) if how == "guest" and guests else None
        line, actor = self._line(data)
        if guest is not None:
            line, target = guest.line, {"guest": guest.token}
        elif how == "number" and line.msisdn is not None:
            target = {"msisdn": line.msisdn}
        else:
            target, how = {"lineId": encode("Line", line.id)}, "id"
        due = rules.top_up(self.state, actor, line, amount * 100, guest, by_id=how == "id")
        given = {
            "idempotencyKey": str(uuid4()),
            "target": target,
            "amount": {"amount": str(amount), "currency": "RUB"},
            "method": "CARD",
            "token": self.world.card,
        }
        if made := self.told(due, actor, "topUp", "payment { status }", **given):
            assert made["payment"]["status"] == "COMPLETED"

    @rule(data=st.data(), reason=st.sampled_from(["LOST", "STOLEN", "VACATION"]))
    def block(self, data: st.DataObject, reason: str) -> None:
        line, actor = self._line(data)
        due = rules.block(self.state, actor, line, lost=reason != "VACATION")
        self.told(due, actor, "blockLine", "line { id }", lineId=encode("Line", line.id), reason=reason)

    @rule(data=st.data())
    def unblock(self, data: st.DataObject) -> None:
        blocked = [each for each in self.state.lines.values() if each.status == "BLOCKED_BY_USER"]
        line, actor = self._line(data)
        if blocked:
            line = self.pick(data, blocked)
            actor = self.somebody(data, line.user, line.blocked_by)
        due = rules.unblock(self.state, actor, line)
        self.told(due, actor, "unblockLine", "line { id }", lineId=encode("Line", line.id))

    # How

    def _line(self, data: st.DataObject) -> tuple[Line, Actor]:
        """A line, and who has most to do with it."""
        line = data.draw(st.sampled_from(list(self.state.lines.values())))
        links = [each for each in self.state.links.values() if each.line is line and each.goes_on]
        looking = [user for link in links for user in link.house.members if concerns(self.state, user, link)]
        house = self.state.child_house(line)
        return line, self.somebody(data, line.user, line.holder, *looking[:3], house.owner.user if house else None)

    def _child_line(self, data: st.DataObject, *, child: bool = False) -> tuple[Line, Actor]:
        """Mostly a line of a child's, and who decides about it; or the child."""
        of_children = [each for each in self.state.lines.values() if self.state.child_house(each) is not None]
        if not of_children or data.draw(st.integers(0, 4)) == 0:
            return self._line(data)
        line = data.draw(st.sampled_from(of_children))
        house = self.state.child_house(line)
        assert house is not None
        return line, self.somebody(data, line.user if child else house.owner.user)


def _key(global_id: str) -> int:
    named = decode(global_id)
    assert named is not None
    return int(named.key)
