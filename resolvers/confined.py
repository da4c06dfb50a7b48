"""What the session itself may not do for the cabinet, whoever's it is (`domain/access.py` says which)."""

from auth.session import Viewer
from domain.access import AccessLevel
from domain.refusals import Forbidden

_FULL_ONLY = Forbidden("A session that the network opened may look and pay: sign in by yourself for this")
_NOT_STAFF = Forbidden("Only the user may do this, not an employee who acts for them")


def from_settings(viewer: Viewer) -> Forbidden | None:
    """Why the session may not change what users say of themselves, nor end another session (F029)."""
    return None if viewer.access_level is AccessLevel.FULL else _FULL_ONLY


def from_keys(viewer: Viewer) -> Forbidden | None:
    """Why the session may not touch the ways into the cabinet (F029, E60)."""
    if viewer.holds_keys:
        return None
    return from_settings(viewer) or _NOT_STAFF


def from_paying(viewer: Viewer) -> Forbidden | None:
    """Why the session may not pay: a payment is out of somebody's own pocket, and not an employee's to make (E60)."""
    return None if viewer.staff is None else _NOT_STAFF


def from_purse(viewer: Viewer) -> Forbidden | None:
    """Why the session may not pay with what its user keeps, nor see it: who holds the telephone pays with their own."""
    return from_paying(viewer) or from_settings(viewer)


def from_fresh_proof(viewer: Viewer) -> Forbidden | None:
    """Why the session may not prove by a code who is at the screen: it is not the user who is (E60)."""
    return None if viewer.staff is None else _NOT_STAFF
