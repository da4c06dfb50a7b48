"""The model beside what is stored: every household, number, link, question and kopeck."""

from typing import Any

from tests.household_machine.picture import Picture
from tests.household_machine.state import State

Rows = dict[str, dict[Any, Any]]


def differences(state: State, picture: Picture) -> list[str]:
    """What is stored otherwise than the model has it, each as a line."""
    due, stored = _modelled(state), _stored(picture)
    return [
        f"{name} {key}: stored {stored[name].get(key)}, due {due[name].get(key)}"
        for name in due
        for key in sorted({*due[name], *stored[name]}, key=str)
        if due[name].get(key) != stored[name].get(key)
    ]


def _modelled(state: State) -> Rows:
    houses = state.houses.values()
    return {
        "household": {
            each.id: (each.name, each.is_dissolved)
            if each.is_dissolved
            else (each.name, False, each.adults_invite, bool(each.dissolves_at), each.is_absent, each.claimed,
                  each.confirmed)
            for each in houses
        },
        "membership": {
            member.id: (house.id, user, member.role, member.is_successor)
            for house in houses
            for user, member in house.members.items()
        },
        "link": {
            each.id: (each.house.id, each.line.id, each.kind, each.status, sorted(each.scopes), each.requester)
            for each in state.links.values()
        },
        "request": {
            each.id: "EXPIRED" if each.status == "PENDING" and each.expires_at <= state.now else each.status
            for each in state.requests.values()
        },
        "invitation": {each.id: each.status for each in state.invitations.values()},
        "transfer": {each.id: (each.status, each.accepted) for each in state.transfers.values()},
        "limit": {
            each.id: (each.line.id, *each.key, each.amount, each.on_reach, each.set_by)
            for each in state.limits.values()
        },
        "policy": dict(state.policies),
        "approval": {each.id: (each.status, each.price) for each in state.approvals.values()},
        "guest": {each.id: (each.uses_left, each.is_revoked) for each in state.guests.values()},
        "line": {
            each.id: (each.user, each.msisdn, each.status, each.sim_epoch, each.contract_epoch, each.may_be_asked,
                      each.blocked_by, each.holder)
            for each in state.lines.values()
        },
        "balance": {each.account: each.balance for each in state.lines.values() if each.balance},
    }  # fmt: skip


def _stored(picture: Picture) -> Rows:
    users = {each["person_id"]: each["id"] for each in picture["person"].values()}
    accounts = {each["account_id"] for each in picture["line"].values()}
    return {
        "household": {
            key: (each["name"], True)
            if each["is_dissolved"]
            else (each["name"], False, each["adults_invite"], bool(each["dissolves_at"]), each["is_absent"],
                  each["claimed"], each["confirmed"])
            for key, each in picture["household"].items()
        },
        "membership": {
            key: (each["household_id"], each["user_id"], each["role"], each["is_successor"])
            for key, each in picture["membership"].items()
            if each["status"] == "ACTIVE"
        },
        "link": {
            key: (each["household_id"], each["line_id"], each["kind"], each["status"], each["scopes"],
                  each["requester_id"])
            for key, each in picture["link"].items()
        },
        "request": {
            key: "EXPIRED" if each["status"] == "PENDING" and not each["in_time"] else each["status"]
            for key, each in picture["request"].items()
        },
        "invitation": {key: each["status"] for key, each in picture["invitation"].items()},
        "transfer": {
            key: ("DONE" if each["done"] else "CANCELLED" if each["cancelled"] else "OPEN", each["accepted"])
            for key, each in picture["transfer"].items()
        },
        "limit": {
            key: (each["line_id"], each["unit"], each["per"], each["amount"], each["on_reach"], each["set_by_id"])
            for key, each in picture["limit"].items()
        },
        "policy": {key: each["can_top_up_self"] for key, each in picture["policy"].items()},
        "approval": {key: (each["status"], each["price"]) for key, each in picture["approval"].items()},
        "guest": {key: (each["uses_left"], each["is_revoked"]) for key, each in picture["guest"].items()},
        "line": {
            key: (each["user_id"], each["msisdn"], each["status"], each["sim_epoch"], each["contract_epoch"],
                  each["may_be_asked"], each["blocked_by_id"], users.get(each["holder_id"]))
            for key, each in picture["line"].items()
        },
        "balance": {
            key: each["balance"] for key, each in picture["balance"].items() if each["balance"] and key in accounts
        },
    }  # fmt: skip
