"""What users say of themselves: their name, the language of messages (F032, F033)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.language import Language
from domain.profile import Profile
from domain.refusals import InputRejected
from models import audit
from models.database import tx

LONGEST_NAME = 100


async def set_language(profile: Profile, viewer: Viewer, language: Language) -> InputRejected | None:
    """Choose one of the operator's languages."""
    if language not in profile.operator.languages:
        spoken = ", ".join(each.name for each in profile.operator.languages)
        return InputRejected(f"The language must be one of {spoken}", ("language",))
    await tx(lambda connection: _set(connection, viewer, "language", language))
    return None


async def set_display_name(viewer: Viewer, name: str) -> InputRejected | None:
    """Choose how to be called: 1 to 100 characters on one line."""
    trimmed = " ".join(name.split())
    if not 0 < len(trimmed) <= LONGEST_NAME or not trimmed.isprintable():
        return InputRejected(f"The name must be 1 to {LONGEST_NAME} characters on one line", ("displayName",))
    await tx(lambda connection: _set(connection, viewer, "display_name", trimmed))
    return None


async def _set(connection: BaseDBAsyncClient, viewer: Viewer, column: str, value: str) -> None:
    # The column is one of the two names above, never what a caller gave.
    await connection.execute_query(f"update app_user set {column} = $2 where id = $1", [viewer.user_id, value])
    await audit.record(connection, viewer, "PROFILE_CHANGED", what=column)
