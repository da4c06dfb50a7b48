"""The words that a number's holder agrees to when a household is linked to it (SPEC 4.4, 4.5)."""

from collections.abc import Collection

from domain.access import Scope
from domain.number_link import ConsentMethod
from domain.profile import Profile

REQUESTER = "{requester}"
"""Stands in a consent's text for who asks, where that is not known yet."""

_LOOK_AND_PAY = frozenset({Scope.VIEW, Scope.PAY})
_HELP = _LOOK_AND_PAY | {Scope.USAGE, Scope.AUTOPAY, Scope.SERVICES, Scope.BLOCK}
_MANAGE = _HELP | {Scope.TARIFF, Scope.TRANSFER, Scope.LIMITS}

# The ready sets of SPEC 4.4; DETAILS always has a sentence of its own (I9).
_READY_SETS = {_LOOK_AND_PAY: "Смотреть и платить", _HELP: "Помогать", _MANAGE: "Полное управление"}

_WORDS = {
    Scope.VIEW: "баланс и пакеты",
    Scope.USAGE: "расход",
    Scope.DETAILS: "детализация",
    Scope.PAY: "оплата",
    Scope.AUTOPAY: "автоплатёж",
    Scope.SERVICES: "услуги",
    Scope.TARIFF: "тариф",
    Scope.BLOCK: "блокировка",
    Scope.LIMITS: "ограничения",
    Scope.TRANSFER: "передача пакетов",
    Scope.DOCUMENTS: "документы",
    Scope.CLOSE: "закрытие",
    Scope.MEMBERS: "участники",
}

_GROUNDS = {
    ConsentMethod.PASSWORD: "пароль от кабинета номера",
    ConsentMethod.TRUSTED_DEVICE: "доверенное устройство",
    ConsentMethod.OFFICE: "заявление в офисе",
    ConsentMethod.CONTRACT_HOLDER: "решение владельца договора",
}


def scope_set(scopes: Collection[Scope]) -> str:
    """The Russian name of a set of scopes: a ready set by its name, any other by its parts."""
    without_details = frozenset(scopes) - {Scope.DETAILS}
    parts = ", ".join(_WORDS[scope] for scope in Scope if scope in without_details)
    return _READY_SETS.get(without_details, parts)


def consent_text(profile: Profile, method: ConsentMethod, scopes: Collection[Scope], requester: str = REQUESTER) -> str:
    """What the holder read: the SMS of SPEC 4.5 with its code blacked out, or the ground of another method."""
    details = "да" if Scope.DETAILS in scopes else "нет"
    asked = f"{scope_set(scopes)}. Детализация: {details}."
    if method is not ConsentMethod.SMS_CODE:
        return f"{profile.operator.name}: {requester} управляет вашим номером: {asked} Основание: {_GROUNDS[method]}"
    otp = profile.auth.otp
    return (
        f"{profile.operator.name}: {requester} просит управлять вашим номером: {asked} "
        f"Код {'•' * otp.length}, {otp.ttl_seconds // 60} мин. Не сообщайте код посторонним. "
        f"Отказ: {profile.linking.revoke_sms_keyword}"
    )
