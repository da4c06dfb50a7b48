"""Which rights a viewer has over a line or an account: the rules of `domain/access.py`, on sets of bits."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from bench.peers.python.peer import SETUP

_NAMES = SETUP["scopes"]
_BIT = {name: 1 << place for place, name in enumerate(_NAMES)}


def _bits(names: Iterable[str]) -> int:
    found = 0
    for name in names:
        found |= _BIT[name]
    return found


VIEW, USAGE = _BIT["VIEW"], _BIT["USAGE"]
_DETAILS, _PAY, _BLOCK = _BIT["DETAILS"], _BIT["PAY"], _BIT["BLOCK"]
_OWN = _bits(_NAMES[:10])
_OWN_AS_CHILD = _OWN & ~_bits(["AUTOPAY", "LIMITS"])
_CONTRACT_HOLDER = _bits(["PAY", "TARIFF", "BLOCK", "DOCUMENTS", "CLOSE"])
_LOOKING_BACK = _bits(["VIEW", "USAGE", "DETAILS", "DOCUMENTS"])
_SECONDARY = _bits(["VIEW", "USAGE", "PAY"])
_NOT_AT_ONCE = _bits(["AUTOPAY", "DETAILS"])
_LOOK_AND_PAY = VIEW | _PAY
_PARTIAL = _bits(SETUP["partial_scopes"])

# By the viewer's role: what everybody in it has, and what they have where the link says so.
_ON_CHILD = {
    "OWNER": (_OWN & ~_DETAILS, _DETAILS),
    "ADULT": (_PAY, _bits(["VIEW", "USAGE", "AUTOPAY", "SERVICES", "BLOCK", "LIMITS"])),
    "VIEWER": (_PAY, VIEW | USAGE),
    "CHILD": (0, 0),
}
_ON_ADULT = {
    "OWNER": (_PAY, _OWN),
    "ADULT": (_PAY, _bits(["VIEW", "USAGE", "AUTOPAY", "SERVICES", "TARIFF", "BLOCK"])),
    "VIEWER": (_PAY, VIEW | USAGE),
    "CHILD": (0, 0),
}
_ZONE = ZoneInfo(SETUP["zone"])


def rights(row: Mapping[str, Any], level: str) -> int:
    """The rights that a row of the statements `lines` or `accounts` comes to, as bits."""
    found = 0
    if row["holds_it"]:
        found |= _OWN_AS_CHILD if row["is_child"] else _OWN
    if row["holds_contract"] and not row["is_child"]:
        found |= _CONTRACT_HOLDER
    if row["has_ended"]:
        found &= _LOOKING_BACK
    else:
        for grant in row["grants"] or ():
            found |= _by_grant(*grant)
    if SETUP["contract_holder_only"] and not row["holds_contract"]:
        found &= ~_BLOCK
    if level == "PARTIAL":
        found &= _PARTIAL if row["holds_it"] else _PAY
    return found


@cache
def names(found: int) -> list[str]:
    """The names of rights, in the order of the specification."""
    return [name for name in _NAMES if found & _BIT[name]]


def _by_grant(
    role: str,
    kind: str,
    scopes: list[str],
    holder_role: str | None,
    holder_born: str | None,
    is_fresh: bool,
    owner_absent: bool,
) -> int:
    link = _bits(scopes) & (~_NOT_AT_ONCE if is_fresh else ~0)
    years = None if holder_born is None else _age(date.fromisoformat(holder_born))
    is_child = holder_role == "CHILD"
    grown_up = years is not None and years >= SETUP["age_of_majority"]
    always, by_link = (_ON_CHILD if is_child and not grown_up else _ON_ADULT)[role]
    found = always | (by_link & link)
    if is_child and not grown_up:
        if role == "OWNER" and years is not None and years < SETUP["own_consent_age"]:
            found |= _DETAILS
    elif is_child:
        found &= _LOOK_AND_PAY
        if role == "OWNER":
            found |= _LOOK_AND_PAY
    elif not SETUP["details_scope_for_adults"]:
        found &= ~_DETAILS
    if owner_absent:
        found &= _LOOK_AND_PAY
    return found & _SECONDARY if kind == "SECONDARY" else found


def _age(born: date) -> int:
    today = datetime.now(_ZONE).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
