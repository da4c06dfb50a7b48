"""Steps of what happens to numbers: another SIM, another holder, another person, and trusting a SIM (E13, E24, E26)."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from gateways.simulators.sim_registry import News
from resolvers.node_id import encode
from services import contract_change, sim_watch
from tests import family
from tests.household_machine import link_rules
from tests.household_machine.machine import Machine
from tests.household_machine.records import Line
from tests.household_machine.state import State
from tests.linking import OPERATOR

_NEW = """
select l.id, l.account_id, l.sim_epoch, c.epoch from line l join personal_account a on a.id = l.account_id
join contract c on c.id = a.contract_id where l.operator = $1 and l.msisdn = $2
"""


class Sims(Machine):
    """What the registry and the operator's records say, and what users answer."""

    @rule(data=st.data())
    def sim_changes(self, data: st.DataObject) -> None:
        line = self._line_with_number(data)
        self._happens(line, News.SWAP)
        line.sim_epoch += 1
        line.sim_changed_at = self.state.now
        self.state.void_codes(line.msisdn or "")
        link_rules.rest(self.state, line)
        void_transfers(self.state, line.user)

    @rule(data=st.data(), rarely=st.integers(0, 3))
    def number_passes_to_somebody_else(self, data: st.DataObject, rarely: int) -> None:
        line = self._line_with_number(data)
        if rarely or len(self.state.actors) < 6:
            return
        number = line.msisdn or ""
        self._happens(line, News.REASSIGN)
        self.state.void_codes(number)
        for link in self.state.links.values():
            if link.line is line and link.goes_on:
                link.status = "TERMINATED"
        for guest in self.state.guests.values():
            guest.is_revoked = guest.is_revoked or guest.line is line
        for approval in self.state.approvals.values():
            if approval.line is line and approval.status == "PENDING":
                approval.status = "CANCELLED"
        line.status, line.msisdn, line.blocked_by, line.is_lost = "TERMINATED", None, None, False
        line.contract_epoch += 1
        for person in self.state.people.values():
            person.msisdn = None if person.msisdn == number else person.msisdn
        [(key, account, sim_epoch, contract_epoch)] = self.world.rows(_NEW, OPERATOR, number)
        assert (sim_epoch, contract_epoch) == (line.sim_epoch + 1, line.contract_epoch)
        self.state.lines[key] = Line(
            key, account, number, None, None, 0, "ACTIVE", sim_epoch, contract_epoch, reissued_at=self.state.now
        )

    @rule(data=st.data())
    def contract_passes_to(self, data: st.DataObject) -> None:
        line = self._line_with_number(data)
        holder = data.draw(st.sampled_from(list(self.state.people.values())))
        moved = self.run(contract_change.pass_on(self.ground.profile, line.msisdn or "", holder.ref))
        assert moved == (line.holder != holder.id)
        if not moved:
            return
        line.holder = holder.id
        line.contract_epoch += 1
        link_rules.rest(self.state, line)
        for guest in self.state.guests.values():
            guest.is_revoked = guest.is_revoked or guest.line is line

    @rule(data=st.data(), password=st.sampled_from([family.PASSWORD, family.PASSWORD, "Wrong2026"]))
    def trust_sim(self, data: st.DataObject, password: str) -> None:
        cooling = [each for each in self.state.lines.values() if each.sim_changed_at is not None]
        if not cooling:
            return
        line = self.pick(data, cooling)
        actor = self.somebody(data, line.user)
        due = "OK" if line.user == actor.id else "NOT_FOUND"
        due = due if password == family.PASSWORD else "BAD_CREDENTIALS"
        due = due if actor.is_full else "FORBIDDEN"
        self.told(due, actor, "trustSim", "line { id }", lineId=encode("Line", line.id), password=password)
        if due == "OK":
            line.sim_changed_at = None

    def _line_with_number(self, data: st.DataObject) -> Line:
        found: Line = data.draw(st.sampled_from([each for each in self.state.lines.values() if each.msisdn]))
        return found

    def _happens(self, line: Line, news: News) -> None:
        self.world.registry.happened(line.msisdn or "", news)
        self.run(sim_watch.ask_about(self.world.registry, self.ground.profiles, [line.id]))


def void_transfers(state: State, user: int | None) -> None:
    """Whoever was to become an owner proves it by the number (E30)."""
    for transfer in state.transfers.values():
        new = transfer.house.member(transfer.new)
        if transfer.status == "OPEN" and new is not None and new.user == user and user is not None:
            transfer.status = "CANCELLED"
