"""Numbers whose SIM was reported lost or stolen: whoever has it proves nothing by it (E64)."""

from tortoise.backends.base.client import BaseDBAsyncClient

_LOST = """
select exists (
  select from line where operator = $1 and msisdn = $2 and block_reason in ('LOST', 'STOLEN')) as lost
"""


async def is_lost(connection: BaseDBAsyncClient, operator: str, msisdn: str) -> bool:
    """Whether codes and passwords to this number would reach a finder or a thief; asked of unknown numbers alike."""
    [row] = await connection.execute_query_dict(_LOST, [operator, msisdn])
    return bool(row["lost"])
