"""The words that a number's holder agrees to when a household is linked to it (SPEC 4.4, 4.5)."""

from collections.abc import Collection
from dataclasses import dataclass

from domain.access import Scope
from domain.language import Language
from domain.number_link import ConsentMethod
from domain.profile import Profile
from domain.wording import Wording

REQUESTER = "{requester}"
"""Stands in a consent's text for who asks, where that is not known yet."""

_LOOK_AND_PAY = frozenset({Scope.VIEW, Scope.PAY})
_HELP = _LOOK_AND_PAY | {Scope.USAGE, Scope.AUTOPAY, Scope.SERVICES, Scope.BLOCK}
_MANAGE = _HELP | {Scope.TARIFF, Scope.TRANSFER, Scope.LIMITS}

# The ready sets of SPEC 4.4; DETAILS always has a sentence of its own (I9).
_READY_SETS = {_LOOK_AND_PAY: Wording("Look and pay"), _HELP: Wording("Help"), _MANAGE: Wording("Full control")}

_WORDS = {
    Scope.VIEW: Wording("balance and packages"),
    Scope.USAGE: Wording("usage"),
    Scope.DETAILS: Wording("call detail"),
    Scope.PAY: Wording("payment"),
    Scope.AUTOPAY: Wording("autopay"),
    Scope.SERVICES: Wording("services"),
    Scope.TARIFF: Wording("tariff"),
    Scope.BLOCK: Wording("blocking"),
    Scope.LIMITS: Wording("limits"),
    Scope.TRANSFER: Wording("transfer of packages"),
    Scope.DOCUMENTS: Wording("documents"),
    Scope.CLOSE: Wording("closing"),
    Scope.MEMBERS: Wording("members"),
}

_GROUNDS = {
    ConsentMethod.PASSWORD: Wording("the password of the number's account"),
    ConsentMethod.TRUSTED_DEVICE: Wording("a trusted device"),
    ConsentMethod.OFFICE: Wording("an application at the office"),
    ConsentMethod.CONTRACT_HOLDER: Wording("the decision of the contract's holder"),
}


_YES, _NO = Wording("yes"), Wording("no")

_ASKED = Wording(
    "{operator}: {requester} asks to manage your number: {scopes}. Call detail: {details}. "
    "Code {code}, {minutes} min. Tell the code to no stranger. To refuse: {keyword}"
)
# Offered first where the holder has a cabinet: it teaches nobody to read codes aloud.
_ASKED_IN_CABINET = Wording(
    "{operator}: {requester} asks to manage your number: {scopes}. Call detail: {details}. "
    "Answer in your account, or by code {code}, {minutes} min. Tell the code to no stranger. To refuse: {keyword}"
)
# The second question, after the first was answered: nobody who has no proof reads that there is another household.
_ASKED_TO_MOVE = Wording(
    "{operator}: {requester} asks to manage your number in place of those who do now: {scopes}. "
    "Call detail: {details}. Code {code}, {minutes} min. Tell the code to no stranger. To refuse: {keyword}"
)
_GIVEN = Wording("{operator}: {requester} manages your number: {scopes}. Call detail: {details}. Ground: {ground}")


_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Question:
    """What a number's holder is asked: by whom, for what, and whether they may answer in a cabinet of their own."""

    requester: str
    scopes: tuple[Scope, ...]
    in_cabinet: bool = False
    moves: bool = False


def requester_words(display_name: str, msisdn: str | None) -> str:
    """Who asks, by a name and two digits of a number, in one short line: it stands in a message of the operator's."""
    name = " ".join(display_name.split())[:_LONGEST_NAME]
    return f"{name} (…{msisdn[-2:]})" if msisdn else name


def asking_text(profile: Profile, language: Language, question: Question, code: str | None = None) -> str:
    """The SMS of SPEC 4.5; without a `code` as it is kept, the code blacked out."""
    asked = _ASKED_TO_MOVE if question.moves else _ASKED_IN_CABINET if question.in_cabinet else _ASKED
    otp = profile.auth.otp
    return asked.text(
        language,
        operator=profile.operator.name,
        requester=question.requester,
        scopes=scope_set(language, question.scopes),
        details=(_YES if Scope.DETAILS in question.scopes else _NO).text(language),
        code=code or "•" * otp.length,
        minutes=otp.ttl_seconds // 60,
        keyword=profile.linking.revoke_sms_keyword,
    )


def scope_set(language: Language, scopes: Collection[Scope]) -> str:
    """What a set of scopes is called: a ready set by its name, any other by its parts."""
    without_details = frozenset(scopes) - {Scope.DETAILS}
    if ready := _READY_SETS.get(without_details):
        return ready.text(language)
    return ", ".join(_WORDS[scope].text(language) for scope in Scope if scope in without_details)


def consent_text(
    profile: Profile,
    language: Language,
    method: ConsentMethod,
    scopes: Collection[Scope],
    requester: str = REQUESTER,
) -> str:
    """What the holder read: the SMS of SPEC 4.5 with its code blacked out, or the ground of another method."""
    if method is ConsentMethod.SMS_CODE:
        return asking_text(profile, language, Question(requester, tuple(scopes)))
    return _GIVEN.text(
        language,
        operator=profile.operator.name,
        requester=requester,
        scopes=scope_set(language, scopes),
        details=(_YES if Scope.DETAILS in scopes else _NO).text(language),
        ground=_GROUNDS[method].text(language),
    )
