"""An employee of the operator who acts for a user (E60): who, why, and for which ticket. The user reads all three."""

from dataclasses import dataclass

from domain.refusals import InputRejected

_LONGEST = {"name": 100, "reason": 200, "ticket": 64}


@dataclass(frozen=True, slots=True)
class Staff:
    """Who acts for a user, why, and for which ticket; made by `staff`."""

    name: str
    reason: str
    ticket: str


def staff(name: str, reason: str, ticket: str) -> Staff | InputRejected:
    """The three as the user will read them: one line each, none of them empty."""
    told = {"name": name.strip(), "reason": reason.strip(), "ticket": ticket.strip()}
    for what, text in told.items():
        if not 0 < len(text) <= _LONGEST[what] or not text.isprintable():
            return InputRejected(f"The {what} must be 1 to {_LONGEST[what]} characters on one line", (what,))
    return Staff(**told)
