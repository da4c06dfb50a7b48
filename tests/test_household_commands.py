"""`hearth households` as an employee meets it: who claims one without an owner, and the operator's say (F049)."""

from tests.databases import fetch
from tests.hearth import hearth
from tests.test_money_commands import environment

__all__ = ["environment"]

BY = ("--by", "Ольга", "--reason", "свидетельство", "--ticket", "T-1")
HEIR = "update membership set is_successor = true where role = 'ADULT'"
CLAIMED = "update household set claimed_at = now(), owner_absent_since = now()"


async def test_f049_the_operator_reads_of_claims_and_decides(
    environment: dict[str, str],
    smiths_database: str,
) -> None:
    [(household,)] = await fetch(smiths_database, "select id from household where ref = 'smiths'")
    key = str(household)
    for words, said in (
        (("absent", key), "Say which household to absent"),
        (("confirm", key, *BY), "Nobody claims this household"),
        (("absent", "999", *BY), "There is no such household"),
    ):
        refused = hearth(environment, "households", *words)
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr
    await fetch(smiths_database, HEIR)
    await fetch(smiths_database, CLAIMED)
    listed = hearth(environment, "households", "list")
    assert listed.stdout.split("\t")[:4] == [key, "beeline", "Smiths", "Bob"], listed.stderr
    assert listed.stdout.rstrip().endswith("waits")
    assert hearth(environment, "households", "confirm", key, *BY).stdout == f"{key}\tconfirm\n"
    assert hearth(environment, "households", "list").stdout.rstrip().endswith("confirmed by Ольга")
