"""Short messages about a cabinet's safety, to the number of its user."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from models import outbox

_NUMBER = "select value from login where user_id = $1 and kind = 'MSISDN' order by id limit 1"
_ADDRESSES = "select value from contact where user_id = $1 and kind = 'EMAIL' and verified_at is not null order by id"


async def security(connection: BaseDBAsyncClient, profile: Profile, user_id: int, text: str) -> None:
    """Tell the user, by SMS, in the caller's transaction; where there is no number, a message to nobody is written."""
    rows = await connection.execute_query_dict(_NUMBER, [user_id])
    to = rows[0]["value"] if rows else ""
    body = {"to": to, "text": f"{profile.operator.name}: {text} Если это не вы, смените пароль."}
    await outbox.enqueue(connection, profile.operator.id, "sms" if to else "void", body)


async def farewell(connection: BaseDBAsyncClient, profile: Profile, user_id: int, text: str) -> None:
    """Tell the user everywhere, while it is still known where: by SMS and at every proven address."""
    name = profile.operator.name
    for row in await connection.execute_query_dict(_NUMBER, [user_id]):
        body = {"to": row["value"], "text": f"{name}: {text} Если это не вы, обратитесь к оператору."}
        await outbox.enqueue(connection, profile.operator.id, "sms", body)
    for row in await connection.execute_query_dict(_ADDRESSES, [user_id]):
        mail = {"to": row["value"], "subject": name, "text": f"{text} Если это не вы, обратитесь к оператору."}
        await outbox.enqueue(connection, profile.operator.id, "email", mail)
