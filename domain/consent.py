"""The words that a number's holder agrees to when a household is linked to it (SPEC 4.4, 4.5)."""

from collections.abc import Collection

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
_GIVEN = Wording("{operator}: {requester} manages your number: {scopes}. Call detail: {details}. Ground: {ground}")


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
    values = {
        "operator": profile.operator.name,
        "requester": requester,
        "scopes": scope_set(language, scopes),
        "details": (_YES if Scope.DETAILS in scopes else _NO).text(language),
    }
    if method is not ConsentMethod.SMS_CODE:
        return _GIVEN.text(language, ground=_GROUNDS[method].text(language), **values)
    otp = profile.auth.otp
    return _ASKED.text(
        language,
        code="•" * otp.length,
        minutes=otp.ttl_seconds // 60,
        keyword=profile.linking.revoke_sms_keyword,
        **values,
    )
