"""How good a password would be."""

import strawberry

from domain.refusals import ErrorCode
from resolvers import password
from schema.node import backed_by

PASSWORD = "The password as it is typed so far. Send it as a variable, at most 1,000 characters; it is not kept"  # noqa: S105


@strawberry.type(description="What this operator's password policy says of a password (F013)")
class PasswordStrength:
    acceptable: bool = strawberry.field(description="Whether the operator takes it as a new password")
    score: int = strawberry.field(
        description="From 0, guessed at once, to 4: an estimate that knows common passwords, rows of keys and "
        "repetitions, but no names or dates. It is advice: only `acceptable` decides"
    )
    problems: list[ErrorCode] = strawberry.field(
        description="Why it is not taken, for programs: PASSWORD_FORBIDDEN_CHARACTERS or PASSWORD_TOO_WEAK, one for "
        "each message"
    )
    messages: list[str] = strawberry.field(description="The same for people, in the same order")

    is_type_of = backed_by(password.PasswordStrength)
