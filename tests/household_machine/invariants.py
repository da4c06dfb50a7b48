"""I1–I16 of SPEC 4.3, each by its id: what is wrong with what is stored now, or with how it came about.

`before` and `after` are pictures around one step. Each answers a line of text for everything that breaks it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from tests.household_machine.picture import Picture, Row

Check = Callable[[Picture, Picture], list[str]]

_DETAILS = {True: "Детализация: да", False: "Детализация: нет"}
_NOT_DELEGATED = {"DOCUMENTS", "CLOSE", "MEMBERS"}
_RIGHTS = {"membership": ("role", "status"), "link": ("status", "scopes"), "line": ("user_id", "holder_id")}


def i1_a_household_has_one_owner(before: Picture, after: Picture) -> list[str]:
    told = []
    for house in after["household"].values():
        owners = sum(each["household_id"] == house["id"] and _owns(each) for each in after["membership"].values())
        if owners != (0 if house["is_dissolved"] else 1):
            told.append(f"household {house['id']} has {owners} owners")
    return told


def i2_an_owner_is_grown_up_and_has_a_number(before: Picture, after: Picture) -> list[str]:
    was = {key for key, each in before["membership"].items() if _owns(each)}
    told = [f"invitation {each['id']} to own" for each in after["invitation"].values() if each["role"] == "OWNER"]
    for key, each in after["membership"].items():
        if not _owns(each) or key in was:
            continue
        is_child = any(
            other["user_id"] == each["user_id"] and (other["role"], other["status"]) == ("CHILD", "ACTIVE")
            for other in after["membership"].values()
        )
        person = after["person"][each["user_id"]]
        if person["msisdn"] is None or is_child or _is_minor(person["birth_date"]):
            told.append(f"membership {key} was made an owner's: {person}, a child {is_child}")
    return told


def i3_one_primary_and_few_secondary_links_to_a_line(before: Picture, after: Picture) -> list[str]:
    told = []
    for line in after["line"]:
        kinds = [each["kind"] for each in _open_links(after) if each["line_id"] == line]
        if kinds.count("PRIMARY") > 1 or kinds.count("SECONDARY") > 3:
            told.append(f"line {line} has {kinds}")
    return told


def i4_secondary_links_look_and_pay(before: Picture, after: Picture) -> list[str]:
    links = (each for each in after["link"].values() if each["kind"] == "SECONDARY")
    return [f"link {each['id']}" for each in links if not set(each["scopes"]) <= {"VIEW", "USAGE", "PAY"}]


def i5_joining_touches_no_other_household(before: Picture, after: Picture) -> list[str]:
    joined = {each["household_id"] for each in _new(before, after, "audit") if each["action"] == "MEMBER_JOINED"}
    if not joined:
        return []
    told = []
    for table, owner in (("household", "id"), ("membership", "household_id"), ("link", "household_id")):
        for key, row in before[table].items():
            if row[owner] not in joined and after[table].get(key) != row:
                told.append(f"{table} {key} changed when somebody joined {joined}")
    return told


def i6_links_stay_within_their_consent(before: Picture, after: Picture) -> list[str]:
    newest = {each["link_id"]: each for each in sorted(after["consent"].values(), key=lambda each: int(each["id"]))}
    links = (each for each in after["link"].values() if each["status"] == "ACTIVE")
    return [
        f"link {each['id']} has {each['scopes']}"
        for each in links
        if each["id"] not in newest or not set(each["scopes"]) <= set(newest[each["id"]]["scopes"])
    ]


def i7_an_active_link_is_of_the_sim_and_contract_of_now(before: Picture, after: Picture) -> list[str]:
    told = []
    for each in after["link"].values():
        line = after["line"].get(each["line_id"])
        epochs = None if line is None else (line["sim_epoch"], line["contract_epoch"])
        if each["status"] == "ACTIVE" and epochs not in (None, (each["sim_epoch"], each["contract_epoch"])):
            told.append(f"link {each['id']} is not of {epochs}")
    return told


def i9_call_detail_has_a_sentence_of_its_own(before: Picture, after: Picture) -> list[str]:
    return [
        f"consent {each['id']} says {each['text']!r} of {each['scopes']}"
        for each in after["consent"].values()
        if _DETAILS["DETAILS" in each["scopes"]] not in each["text"]
        or _DETAILS["DETAILS" not in each["scopes"]] in each["text"]
    ]


def i10_a_code_counts_once_and_tries_only_grow(before: Picture, after: Picture) -> list[str]:
    told = []
    for key, was in before["challenge"].items():
        now = after["challenge"].get(key)
        if now is None or now["attempts"] < was["attempts"] or (was["is_used"] and not now["is_used"]):
            told.append(f"challenge {key} went from {was} to {now}")
    used = [each["challenge_id"] for each in after["consent"].values() if each["challenge_id"] is not None]
    told += [f"challenge {each} agreed twice" for each in set(used) if used.count(each) > 1]
    return told + [f"challenge {each} was not used" for each in used if not after["challenge"][each]["is_used"]]


def i12_only_payments_move_money(before: Picture, after: Picture) -> list[str]:
    due = {key: row["balance"] for key, row in before["balance"].items()}
    for payment in _new(before, after, "payment"):
        if payment["status"] == "COMPLETED":
            due[payment["account_id"]] = due.get(payment["account_id"], 0) + payment["amount"]
        if payment["status"] == "COMPLETED" and (question := _question(after, payment)) is not None:
            source = after["line"][question["line_id"]]["account_id"]
            due[source] = due.get(source, 0) - payment["amount"]
    now = {key: row["balance"] for key, row in after["balance"].items()}
    return [f"account {key} has {now.get(key, 0)}, not {each}" for key, each in due.items() if now.get(key, 0) != each]


def i13_a_child_hears_of_links_to_its_number(before: Picture, after: Picture) -> list[str]:
    told = []
    for key, link in after["link"].items():
        is_new = link["status"] == "ACTIVE" and before["link"].get(key, {}).get("status") != "ACTIVE"
        line = after["line"].get(link["line_id"])
        if not is_new or line is None or line["user_id"] not in _children(after):
            continue
        if not any(each["sent_to"] == line["msisdn"] for each in _new(before, after, "message")):
            told.append(f"nobody told {line['msisdn']} of link {key}")
    return told


def i14_what_a_child_gives_was_agreed_to_and_within_limits(before: Picture, after: Picture) -> list[str]:
    told = []
    for payment in _new(before, after, "payment"):
        if payment["kind"] != "FROM_BALANCE":
            continue
        question = _question(after, payment)
        was = None if question is None else before["approval"].get(question["id"])
        if question is None or was is None or (was["status"], question["status"]) != ("PENDING", "APPROVED"):
            told.append(f"payment {payment['id']} was not agreed to")
            continue
        limits = (each for each in before["limit"].values() if each["line_id"] == question["line_id"])
        hard = (each for each in limits if each["unit"] == "MONEY" and each["on_reach"] != "NOTIFY")
        if payment["amount"] != question["price"] or any(each["amount"] < payment["amount"] for each in hard):
            told.append(f"payment {payment['id']} is beyond what was agreed to, or a limit")
    done = {each["key"] for each in after["payment"].values()}
    agreed = (key for key, each in after["approval"].items() if each["status"] == "APPROVED")
    return told + [f"approval {key} was not done" for key in agreed if f"approval:{key}" not in done]


def i15_what_is_the_contract_holder_s_is_nobody_else_s(before: Picture, after: Picture) -> list[str]:
    return [
        f"{table} {key} gives {row['scopes']}"
        for table in ("link", "request", "consent", "guest")
        for key, row in after[table].items()
        if _NOT_DELEGATED & set(row["scopes"])
    ]


def i16_every_change_of_rights_is_told(before: Picture, after: Picture) -> list[str]:
    news = _new(before, after, "audit")
    told = []
    for table, columns in _RIGHTS.items():
        for key, row in after[table].items():
            was = before[table].get(key, {})
            changed = [each for each in columns if was.get(each) != row[each]]
            if (changed and (was or table != "line")) and not any(_tells(each, table, row) for each in news):
                told.append(f"nothing tells of {changed} of {table} {key}")
    return told


CHECKS: tuple[Check, ...] = (
    i1_a_household_has_one_owner,
    i2_an_owner_is_grown_up_and_has_a_number,
    i3_one_primary_and_few_secondary_links_to_a_line,
    i4_secondary_links_look_and_pay,
    i5_joining_touches_no_other_household,
    i6_links_stay_within_their_consent,
    i7_an_active_link_is_of_the_sim_and_contract_of_now,
    i9_call_detail_has_a_sentence_of_its_own,
    i10_a_code_counts_once_and_tries_only_grow,
    i12_only_payments_move_money,
    i13_a_child_hears_of_links_to_its_number,
    i14_what_a_child_gives_was_agreed_to_and_within_limits,
    i15_what_is_the_contract_holder_s_is_nobody_else_s,
    i16_every_change_of_rights_is_told,
)


def broken(before: Picture, after: Picture) -> list[str]:
    """Everything that is wrong, each line with the name of the invariant."""
    return [f"{check.__name__}: {each}" for check in CHECKS for each in check(before, after)]


def _tells(event: Row, table: str, row: Row) -> bool:
    """Whether an event tells of a row; of a link, to the number's user by its line."""
    if table == "membership":
        # Who leaves in silence reads of it, and nobody else.
        concerned = row["user_id"] in (event["user_id"], event["subject_id"]) and "MEMBER" in event["action"]
        return event["household_id"] == row["household_id"] or concerned
    line = row["line_id"] if table == "link" else row["id"]
    return line is None or event["line_id"] == line


def _owns(row: Row) -> bool:
    return (row["role"], row["status"]) == ("OWNER", "ACTIVE")


def _is_minor(born: str | None) -> bool:
    if born is None:
        return False
    year, rest = int(born[:4]), born[5:]
    today = datetime.now(UTC).date()
    return today.year - year - (today.isoformat()[5:] < rest) < 18


def _open_links(picture: Picture) -> Iterator[Row]:
    return (each for each in picture["link"].values() if each["status"] in ("ACTIVE", "SUSPENDED"))


def _children(picture: Picture) -> set[int]:
    members: Iterable[Row] = picture["membership"].values()
    return {each["user_id"] for each in members if (each["role"], each["status"]) == ("CHILD", "ACTIVE")}


def _new(before: Picture, after: Picture, table: str) -> list[Row]:
    return [row for key, row in after[table].items() if key not in before[table]]


def _question(picture: Picture, payment: Row) -> Row | None:
    """The question that a payment answers, by its key."""
    kind, _, key = str(payment["key"]).partition(":")
    return picture["approval"].get(int(key)) if kind == "approval" else None
