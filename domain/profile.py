"""The operator profile: everything that differs between operators, as data (SPEC 5).

Code asks a profile's keys and never an operator's name. A profile is read once, at start, from
`operators/<id>/profile.toml`; whatever is wrong with it is said at once, one problem a line.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from domain.access import AccessLevel
from domain.line import ServiceKind
from domain.number_link import ConsentMethod
from domain.profile_access import Access, Auth, Household, Linking, Operator, Session
from domain.profile_offering import (
    Accounts,
    BalanceView,
    Blocking,
    Business,
    Closing,
    Internet,
    Loyalty,
    Notifications,
    Payments,
    Reports,
    Services,
    Shop,
    Support,
    Tariffs,
)
from domain.profile_values import CONTRADICTION, Contradiction, Section
from domain.sign_in import LoginMethod, RecoveryChannel

SCHEMA_VERSION: Final = 1
"""The version of the profile's format that this code reads."""

PROFILE_FILE = "profile.toml"

_LONGEST_SHOWN_VALUE = 60

# Pydantic speaks of Python's types; whoever corrects a profile thinks of TOML's.
_IN_TOML_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known key",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "model_type": "must be a table",
}


class ProfileRejected(ValueError):
    """Profiles that cannot be served; the text has one problem a line: file, key and reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Profile(Section):
    """One operator's profile; its attributes are the tables and keys of `profile.toml`, one to one."""

    schema_version: Literal[1] = Field(description="Version of this format")
    operator: Operator = Field(description="Who the operator is and what it sells")
    auth: Auth = Field(description="How people sign in, register and recover access")
    session: Session = Field(description="How long a sign-in lasts")
    access: Access = Field(description="What a session may do")
    linking: Linking = Field(description="How numbers and accounts are linked to a household")
    household: Household = Field(description="How people share their numbers")
    payments: Payments = Field(description="How accounts are topped up")
    balance: BalanceView = Field(description="How balances are shown")
    reports: Reports = Field(description="Call detail")
    tariffs: Tariffs = Field(description="What can be done with tariffs")
    services: Services = Field(description="What can be done with services")
    internet: Internet = Field(description="What can be done with internet access")
    blocking: Blocking = Field(description="How a number is blocked and restored")
    notifications: Notifications = Field(description="How people are told what happened")
    loyalty: Loyalty = Field(description="The loyalty programme")
    support: Support = Field(description="How support is reached and answers")
    accounts: Accounts = Field(description="What personal accounts are like")
    business: Business = Field(description="The corporate cabinet")
    shop: Shop = Field(description="The operator's shop")
    closing: Closing = Field(description="How a cabinet ends")

    def contradictions(self) -> Iterator[Contradiction]:
        if RecoveryChannel.HOTLINE in self.auth.recovery_channels and not self.support.phones:
            yield Contradiction("auth.recovery_channels", "HOTLINE needs support.phones")
        if ConsentMethod.PASSWORD in self.linking.methods and LoginMethod.PASSWORD not in self.auth.methods:
            yield Contradiction("linking.methods", "PASSWORD needs PASSWORD in auth.methods")
        if AccessLevel.PARTIAL in self.auth.network_auto_login_levels and not self.access.partial_scopes:
            yield Contradiction(
                "access.partial_scopes",
                "auth.network_auto_login_levels has PARTIAL, so at least one is needed",
            )
        if self.services.tv_trial_days and ServiceKind.TV not in self.operator.service_kinds:
            yield Contradiction("services.tv_trial_days", "operator.service_kinds has no TV")
        if self.reports.prepaid_only and not self.operator.prepaid:
            yield Contradiction("reports.prepaid_only", "needs operator.prepaid")


def read_profile(path: Path) -> Profile:
    """The profile in one file, whose folder has to bear the operator's id.

    Raises `ProfileRejected` with every problem found, and `OSError` for a file that cannot be read.
    """
    path = path.absolute()
    try:
        return _profile_of(path.read_bytes(), path.parent.name)
    except ProfileRejected as rejected:
        # Three parts say which file it is, and keep the machine's own folders out of the message.
        shown = "/".join(path.parts[-3:])
        raise ProfileRejected([f"{shown}: {problem}" for problem in rejected.problems]) from rejected


def read_profiles(folder: Path) -> Mapping[str, Profile]:
    """Every profile under `folder`, by operator id: `<folder>/<id>/profile.toml`.

    No two can share an id, since each bears the name of its folder. Raises `ProfileRejected` with the
    problems of all files together, and for a folder without a profile.
    """
    profiles: dict[str, Profile] = {}
    problems: list[str] = []
    for path in sorted(folder.glob(f"*/{PROFILE_FILE}")):
        try:
            profiles[path.parent.name] = read_profile(path)
        except ProfileRejected as rejected:
            problems += rejected.problems
    if problems:
        raise ProfileRejected(problems)
    if not profiles:
        raise ProfileRejected([f"{folder.name}: holds no <id>/{PROFILE_FILE}"])
    return MappingProxyType(profiles)


def _profile_of(content: bytes, folder: str) -> Profile:
    """The profile in a file's content; the problems it is refused with do not name the file."""
    document = _document_of(content)
    try:
        profile = Profile.model_validate(document)
    except ValidationError as error:
        raise ProfileRejected([line for each in error.errors() for line in _problems(each)]) from error
    if profile.operator.id != folder:
        reason = f"must be the name of the folder, {folder} (got {_shown(profile.operator.id)})"
        raise ProfileRejected([f"operator.id: {reason}"])
    return profile


def _document_of(content: bytes) -> Mapping[str, Any]:
    """The TOML document in a file's content, known to be of this version of the format."""
    try:
        document = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise ProfileRejected([f"is not UTF-8 text (byte {error.start})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileRejected([f"is not TOML: {error}"]) from error
    # Asked before the keys, which are all noise in another version. `true` equals 1 in Python.
    version = document.get("schema_version", SCHEMA_VERSION)
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ProfileRejected([f"schema_version: must be {SCHEMA_VERSION} (got {_shown(version)})"])
    return document


def _problems(error: ErrorDetails) -> Iterator[str]:
    """The lines, `key: reason`, that one pydantic error comes to."""
    where = [str(part) for part in error["loc"]]
    kind = error["type"]
    if kind == CONTRADICTION:
        for key, reason in error["ctx"]["found"]:
            yield f"{'.'.join([*where, key])}: {reason}"
        return
    key = ".".join(where)
    reason = _IN_TOML_WORDS.get(kind, error["msg"])
    if kind == "enum":
        reason = f"must be one of {error['ctx']['expected']}"
    if kind in ("missing", "extra_forbidden"):
        yield f"{key}: {reason}"
    else:
        yield f"{key}: {reason} (got {_shown(error['input'])})"


def _shown(value: object) -> str:
    """A value as it reads in a message, cut where it grows long."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN_VALUE else f"{text[:_LONGEST_SHOWN_VALUE]}…"
