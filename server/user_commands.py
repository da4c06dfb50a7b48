"""`hearth user export | erase`: what is stored about a person, told or taken away."""

from __future__ import annotations

from server.command_database import command_database, prepare_for_development, run, with_database
from server.failure import StartFailure
from server.settings import Settings
from services import user_erasure, user_export


def export_user(settings: Settings, user_id: int, by: str) -> None:
    """Print all that is stored about a user as JSON. Raises StartFailure where there is none."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        exported = run(with_database(settings, url, user_export.export(user_id, by)))
    if exported is None:
        raise StartFailure(f"There is no user {user_id}")
    print(exported.json())


def erase_user(settings: Settings, user_id: int, by: str) -> None:
    """Erase a user, and print what is kept. Raises StartFailure, and changes nothing, where that may not be."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        done = run(with_database(settings, url, user_erasure.erase(profiles, user_id, by)))
    match done:
        case user_erasure.Erased(kept=kept):
            print("\n".join([f"User {user_id} is erased", *kept]))
        case user_erasure.ErasedBefore():
            print(f"User {user_id} was erased before")
        case _:
            raise StartFailure(f"User {user_id} is not erased: {done.message}")
