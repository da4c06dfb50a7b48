"""Errors of the caller's own making, which are GraphQL errors with a code and are never masked (DESIGN 4)."""

from graphql import GraphQLError


class CallerError(GraphQLError):
    """What the caller can put right: `extensions.code` is for programs, the message says what is accepted."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, extensions={"code": code})


def invalid_input(message: str) -> CallerError:
    """A bad argument of a query."""
    return CallerError(message, "INVALID_INPUT")


def not_found(message: str) -> CallerError:
    """An argument of a query names something that is not there, or not there for this viewer."""
    return CallerError(message, "NOT_FOUND")


def feature_disabled(reason: str) -> CallerError:
    """A query asks for what the operator's profile has off."""
    return CallerError(reason, "FEATURE_DISABLED")


def channel_unavailable(message: str) -> CallerError:
    """Somebody else's service does not answer, and the caller may go another way."""
    return CallerError(message, "CHANNEL_UNAVAILABLE")


def unauthenticated() -> CallerError:
    """A mutation that needs a session was called without one."""
    return CallerError("Sign in first: this needs a session", "UNAUTHENTICATED")


def session_expired() -> CallerError:
    """A mutation that needs a session was called with one that has ended."""
    return CallerError("The session has ended; sign in again", "SESSION_EXPIRED")


def password_change_required() -> CallerError:
    """A session with a temporary password wants more than to change it."""
    return CallerError("Change the temporary password first", "PASSWORD_CHANGE_REQUIRED")


def widget_looks_only() -> CallerError:
    """A widget's token was used for something else than to look at its line."""
    return CallerError("A widget may look at its line only; sign in for this", "FORBIDDEN")
