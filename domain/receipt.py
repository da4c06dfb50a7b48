"""What a receipt says (F075, F084): a sheet of labels and values, whatever it is printed on."""

from dataclasses import dataclass
from datetime import datetime

from domain.language import Language
from domain.money import Money
from domain.msisdn import mask
from domain.profile import Profile
from domain.wording import Wording

_NAME = "receipt-"
_MOST_DIGITS = 18  # more than a bigint column holds

_TITLE = Wording("Receipt No. {number}")
_DATE = Wording("Date")
_ACCOUNT = Wording("Personal account")
_FOR = Wording("Paid for")
_PAYER = Wording("Payer")
_AMOUNT = Wording("Amount")
_FEE = Wording("Fee")
_TOTAL = Wording("Total")
_RETURNED = Wording("Of it given back")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment that reached its account.

    `named` is what the payer called the payee, masked; `payer` what the payer signs in with, if that is known.
    `is_known` is whether the payer has to do with the account.
    """

    number: int
    at: datetime
    account_number: str
    named: str
    payer: str | None
    is_known: bool
    amount: Money
    fee: Money
    refunded: Money

    @property
    def shown_account(self) -> str:
        """The account's number, which stands on every receipt: in full for whoever knows it.

        Who paid into a stranger's number does not learn the account behind it (F065).
        """
        knows = self.is_known or self.named == mask(self.account_number)
        return self.account_number if knows else mask(self.account_number)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page to be printed: the last line is the sum."""

    operator: str
    title: str
    lines: tuple[tuple[str, str], ...]


def name_of(number: int) -> str:
    """What a receipt is called among documents of all kinds, and in the names of files."""
    return f"{_NAME}{number}"


def number_of(name: str) -> int | None:
    """The payment whose receipt bears that name; None for a name that `name_of` does not give."""
    digits = name.removeprefix(_NAME)
    fits = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return int(digits) if fits and name_of(int(digits)) == name else None


def title(number: int, language: Language) -> str:
    """What a receipt is called."""
    return _TITLE.text(language, number=number)


def sheet(receipt: Receipt, profile: Profile) -> Sheet:
    """The receipt in the operator's first language, at the operator's time."""
    language = profile.operator.languages[0]
    said = [
        (_DATE, receipt.at.astimezone(profile.operator.zone).strftime("%d.%m.%Y %H:%M")),
        (_ACCOUNT, receipt.shown_account),
        (_FOR, receipt.named),
        (_PAYER, mask(receipt.payer) if receipt.payer else "—"),
        (_AMOUNT, str(receipt.amount)),
        (_FEE, str(receipt.fee)),
    ]
    if receipt.refunded.minor:
        said.append((_RETURNED, str(receipt.refunded)))
    said.append((_TOTAL, str(receipt.amount + receipt.fee)))
    lines = tuple((label.text(language), value) for label, value in said)
    return Sheet(profile.operator.name, title(receipt.number, language), lines)
