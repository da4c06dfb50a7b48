"""How good a password would be, for a form that answers while somebody types (F013, B009)."""

from dataclasses import dataclass

from auth.session import Viewer
from domain import password as policy
from domain.refusals import ErrorCode
from resolvers.context import Context
from resolvers.errors import invalid_input

# Far more than any profile takes, so that a form still hears which limit was passed.
LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class PasswordStrength:
    """A password's worth in words and codes; `problems` and `messages` go in pairs."""

    acceptable: bool
    score: int
    problems: list[ErrorCode]
    messages: list[str]


def password_strength(context: Context, password: str) -> PasswordStrength:
    """What the operator's policy says of a password; the caller's own login makes a bad one.

    Nothing is stored or logged, and no error repeats the password.
    """
    if len(password) > LONGEST:
        raise invalid_input(f"`password` must be at most {LONGEST:,} characters")
    profile = context.profile
    # Not `context.viewer`: it is nobody while a temporary password has to be changed, which is when this is asked.
    login = context.caller.login if isinstance(context.caller, Viewer) else None
    told = policy.strength(password, profile, personal=[login] if login else [])
    return PasswordStrength(
        acceptable=told.acceptable,
        score=told.score,
        problems=[problem.code for problem in told.problems],
        messages=[policy.message(problem, profile) for problem in told.problems],
    )
