"""Steps of households: founding, members, invitations, transfers, successors (F049, F050, F052)."""

from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.refusals import NotFound
from domain.staff import Staff
from resolvers.node_id import decode, encode
from services import succession
from tests.household_machine import family_rules as rules
from tests.household_machine import handover_rules as handover
from tests.household_machine.machine import Machine
from tests.household_machine.records import INVITED, Actor, Code, House, Invitation, Member, Transfer, Way

_STAFF = Staff("Ольга", "свидетельство", "T-1")
_ROLES = ["ADULT", "ADULT", "VIEWER", "VIEWER", "CHILD", "OWNER"]
_TRANSFER = "transfer { id } challenge { id }"


class Families(Machine):
    """What people do with households."""

    @rule(data=st.data(), name=st.sampled_from(["Дом", "Дача"]))
    def create(self, data: st.DataObject, name: str) -> None:
        actor = self.somebody(data)
        if made := self.told(rules.create(self.state, actor), actor, "createHousehold", "household { id }", name=name):
            house = House(_key(made["household"]["id"]), name)
            sql = "select id from membership where household_id = $1"
            [(member,)] = self.world.rows(sql, house.id)
            house.members[actor.id] = Member(member, actor.id, "OWNER", None, next(self.state.joined))
            self.state.houses[house.id] = house

    @rule(
        data=st.data(), name=st.sampled_from([None, "Другой"]), adults_invite=st.sampled_from([None, True, True, False])
    )
    def update(self, data: st.DataObject, name: str | None, adults_invite: bool | None) -> None:
        house, actor = self._house(data)
        due = rules.update(actor, house, name, adults_invite)
        given = {"name": name, "adultsMayInviteViewers": adults_invite}
        self.told(due, actor, "updateHousehold", householdId=_id(house), **given)

    @rule(data=st.data())
    def dissolve(self, data: st.DataObject) -> None:
        house, actor = self._house(data)
        self.told(rules.dissolve(self.state, actor, house), actor, "dissolveHousehold", householdId=_id(house))

    @rule(data=st.data(), silent=st.booleans())
    def leave(self, data: st.DataObject, silent: bool) -> None:
        house, actor = self._house(data)
        due = rules.leave(self.state, actor, house)
        self.told(due, actor, "leaveHousehold", householdId=_id(house), silent=silent)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        member, actor = self._member(data)
        due = rules.remove(self.state, actor, member)
        self.told(due, actor, "removeMember", memberId=encode("HouseholdMember", member))

    @rule(data=st.data(), role=st.sampled_from(_ROLES))
    def change_role(self, data: st.DataObject, role: str) -> None:
        member, actor = self._member(data)
        due = rules.change_role(self.state, actor, member, role)
        self.told(due, actor, "changeMemberRole", memberId=encode("HouseholdMember", member), role=role)

    @rule(data=st.data(), role=st.sampled_from(_ROLES), age=st.sampled_from([None, 9, 16, 30]))
    def invite(self, data: st.DataObject, role: str, age: int | None) -> None:
        house, actor = self._house(data)
        numbers = [each.msisdn for each in self.state.actors if each.msisdn]
        self._invite(actor, house, data.draw(st.sampled_from([*numbers, "who@example.org"])), role, age)

    @rule(data=st.data(), role=st.sampled_from(["ADULT", "ADULT", "VIEWER", "CHILD"]), age=st.sampled_from([9, 16]))
    def invite_and_accept(self, data: st.DataObject, role: str, age: int) -> None:
        """Who owns a household invites somebody, who says yes at once."""
        owners = [(house, self.state.people[house.owner.user]) for house in self.state.houses.values() if house.members]
        able = [(house, owner) for house, owner in owners if owner.msisdn is not None]
        if not able:
            return
        house, owner = data.draw(st.sampled_from(able))
        guest = data.draw(st.sampled_from(self.state.actors))
        known = set(self.state.invitations)
        self._invite(Actor(owner, Way.PROVEN), house, guest.msisdn or "", role, age)
        for key in set(self.state.invitations) - known:
            self.actor = Actor(guest, Way.PLAIN)
            self._accept(self.actor, self.state.invitations[key], by_link=True)

    @precondition(lambda self: bool(self.state.invitations))
    @rule(data=st.data(), by_link=st.booleans())
    def accept(self, data: st.DataObject, by_link: bool) -> None:
        invitation, actor = self._invitation(data)
        self._accept(actor, invitation, by_link=by_link)

    @precondition(lambda self: bool(self.state.invitations))
    @rule(data=st.data(), by_link=st.booleans())
    def decline(self, data: st.DataObject, by_link: bool) -> None:
        invitation, actor = self._invitation(data)
        due = rules.decline(self.state, actor, invitation)
        self.told(due, actor, "declineInvitation", invitation=_named(invitation, by_link=by_link))

    @precondition(lambda self: bool(self.state.invitations))
    @rule(data=st.data())
    def cancel_invitation(self, data: st.DataObject) -> None:
        invitation = self.pick(data, list(self.state.invitations.values()))
        actor = self.somebody(data, invitation.by)
        due = rules.cancel_invitation(self.state, actor, invitation)
        self.told(due, actor, "cancelInvitation", invitationId=encode("HouseholdInvitation", invitation.id))

    @rule(data=st.data(), nobody=st.sampled_from([False, False, False, True]))
    def nominate(self, data: st.DataObject, nobody: bool) -> None:
        house, actor = self._house(data)
        member = None if nobody else self._member(data, house)[0]
        self.actor = actor
        due = handover.nominate(self.state, actor, house, member)
        named = None if member is None else encode("HouseholdMember", member)
        self.told(due, actor, "nominateSuccessor", householdId=_id(house), memberId=named)

    @rule(data=st.data(), absent=st.sampled_from([True, False, False, False]))
    def operator_tells_of_an_owner(self, data: st.DataObject, absent: bool) -> None:
        house, _ = self._house(data)
        if house.is_dissolved:
            return
        self.run(succession.tell_absent(self.ground.profiles, house.id, _STAFF, absent=absent))
        handover.tell_absent(house, absent=absent)

    @precondition(lambda self: any(each.is_absent for each in self.state.houses.values()))
    @rule(data=st.data(), papers=st.booleans())
    def claim(self, data: st.DataObject, papers: bool) -> None:
        house = data.draw(st.sampled_from([each for each in self.state.houses.values() if each.is_absent]))
        heirs = [each.user for each in house.members.values() if each.is_successor]
        actor = self.somebody(data, *heirs)
        self.told(handover.claim(self.state, actor, house), actor, "claimHousehold", householdId=_id(house))
        if papers and not house.is_dissolved:
            told = self.run(succession.confirm(self.ground.profiles, house.id, _STAFF))
            seen = handover.confirm_claim(house)
            assert not isinstance(told, NotFound)
            assert hasattr(told, "user_id") == seen

    @rule(data=st.data())
    def request_transfer(self, data: st.DataObject) -> None:
        house, actor = self._house(data)
        member, _ = self._member(data, house)
        self.actor = actor
        due = handover.request_transfer(self.state, actor, house, member)
        given = {"householdId": _id(house), "toMemberId": encode("HouseholdMember", member)}
        if made := self.told(due, actor, "requestOwnershipTransfer", _TRANSFER, **given):
            [(key,)] = self.world.rows("select max(id) from ownership_transfer")
            new = house.member(member)
            assert new is not None
            until = handover.transfer_expires(self.state)
            code = self._code(made["challenge"]["id"], key, new.user)
            self.state.transfers[key] = Transfer(key, house, house.owner.id, member, until, code)

    @precondition(lambda self: bool(self.state.transfers))
    @rule(data=st.data())
    def ask_for_another_code(self, data: st.DataObject) -> None:
        transfer, actor = self._transfer(data)
        due = handover.may_have_code(self.state, actor, transfer)
        given = {"transferId": encode("OwnershipTransfer", transfer.id)}
        if made := self.told(due, actor, "requestOwnershipTransferCode", _TRANSFER, **given):
            transfer.code.expires_at = min(transfer.code.expires_at, self.state.now)
            transfer.code = self._code(made["challenge"]["id"], transfer.id, actor.id)

    @precondition(lambda self: bool(self.state.transfers))
    @rule(data=st.data(), typed_well=st.sampled_from([True, True, True, False]))
    def accept_transfer(self, data: st.DataObject, typed_well: bool) -> None:
        transfer, actor = self._transfer(data)
        digits = self.world.code(transfer.code.id)
        right = typed_well and digits is not None
        due = handover.accept_transfer(self.state, actor, transfer, transfer.code, right=right)
        given = {"transferId": encode("OwnershipTransfer", transfer.id), "challengeId": transfer.code.id}
        self.told(due, actor, "acceptOwnershipTransfer", code=digits if right else _wrong(digits), **given)

    @precondition(lambda self: bool(self.state.transfers))
    @rule(data=st.data())
    def cancel_transfer(self, data: st.DataObject) -> None:
        transfer, actor = self._transfer(data)
        due = handover.cancel_transfer(self.state, actor, transfer)
        self.told(due, actor, "cancelOwnershipTransfer", transferId=encode("OwnershipTransfer", transfer.id))

    # How

    def _invite(self, actor: Actor, house: House, target: str, role: str, age: int | None) -> None:
        due = rules.invite(self.state, actor, house, target, role, age)
        born = None if age is None else f"{datetime.now(UTC).year - age - 1}-01-01"
        given = {"email" if "@" in target else "msisdn": target}
        fields = {"householdId": _id(house), "role": role, "birthDate": born}
        if made := self.told(due, actor, "inviteMember", "invitation { id }", **fields, **given):
            key, until = _key(made["invitation"]["id"]), self.state.now + INVITED
            child = age if role == "CHILD" else None
            made_now = Invitation(key, house, actor.id, role, child, target, until, self._newest_token())
            self.state.invitations[key] = made_now

    def _accept(self, actor: Actor, invitation: Invitation, *, by_link: bool) -> None:
        due = rules.accept(self.state, actor, invitation)
        if self.told(due, actor, "acceptInvitation", invitation=_named(invitation, by_link=by_link)):
            sql = "select id from membership where household_id = $1 and user_id = $2"
            [(member,)] = self.world.rows(sql, invitation.house.id, actor.id)
            rules.joined(self.state, actor, invitation, member)

    def _house(self, data: st.DataObject) -> tuple[House, Actor]:
        house = data.draw(st.sampled_from(list(self.state.houses.values())))
        owners = [] if house.is_dissolved else [house.owner.user]
        return house, self.somebody(data, *owners)

    def _member(self, data: st.DataObject, house: House | None = None) -> tuple[int, Actor]:
        """A member of a household, sometimes of another one or of none any more."""
        if house is None or data.draw(st.integers(0, 9)) == 0:
            house = data.draw(st.sampled_from(list(self.state.houses.values())))
        members = [each.id for each in house.members.values()] or [10**9]
        owners = [] if house.is_dissolved else [house.owner.user]
        return data.draw(st.sampled_from(members)), self.somebody(data, *owners)

    def _invitation(self, data: st.DataObject) -> tuple[Invitation, Actor]:
        invitation = self.pick(data, list(self.state.invitations.values()))
        meant = [each for each in self.state.actors if each.msisdn == invitation.target]
        return invitation, self.somebody(data, *meant)

    def _transfer(self, data: st.DataObject) -> tuple[Transfer, Actor]:
        transfer = self.pick(data, list(self.state.transfers.values()))
        new = transfer.house.member(transfer.new)
        return transfer, self.somebody(data, new.user if new else None)

    def _code(self, challenge: str, transfer: int, user: int) -> Code:
        line = self.state.line_of(self.state.msisdn_of(user))
        code = self.code(challenge, self.state.msisdn_of(user) or "", ("transfer", transfer))
        code.is_sent = line is None or not line.is_lost
        return code

    def _newest_token(self) -> str:
        sql = """
select coalesce(body->>'link', body->>'text') from outbox where body::text like '%token=%' order by id desc limit 1
"""
        [(text,)] = self.world.rows(sql)
        return str(text).rpartition("token=")[2]


def _id(house: House) -> str:
    return encode("Household", house.id)


def _key(global_id: str) -> int:
    named = decode(global_id)
    assert named is not None
    return int(named.key)


def _named(invitation: Invitation, *, by_link: bool) -> dict[str, str]:
    key = encode("HouseholdInvitation", invitation.id)
    return {"token": invitation.token} if by_link else {"invitationId": key}


def _wrong(digits: str | None) -> str:
    return "000000" if digits != "000000" else "111111"
