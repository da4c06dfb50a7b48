"""Lines and personal accounts as the viewer sees them: the row, and the rights that `domain/access.py` gives."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from domain.access import Scope, widget_scopes
from domain.line import LineStatus, ServiceKind
from loaders.scope import Judged, ReadScope
from models.visible import AccountRow, LineRow, relation, standing

# To call an enum takes far longer than to look up one of its members.
_KINDS = {kind.value: kind for kind in ServiceKind}
_STATUSES = {status.value: status for status in LineStatus}
_SHOW_CONTRACT = frozenset({Scope.VIEW, Scope.DOCUMENTS})


# A frozen one takes several times as long to make, and a page may show hundreds of these.
@dataclass(slots=True)
class Account:
    """A personal account with the viewer's rights over it; never changed once it is made."""

    id: int
    operator: str
    number: str
    kind: ServiceKind
    status: LineStatus
    cash_payments_banned: bool
    contract_id: int
    rights: frozenset[Scope]

    @property
    def account_id(self) -> int:
        return self.id

    @property
    def shows_contract(self) -> bool:
        """Whether its contract is there for the viewer."""
        return bool(self.rights & _SHOW_CONTRACT)

    @property
    def my_scopes(self) -> Sequence[Scope]:
        return in_order(self.rights)

    def allows(self, scope: Scope) -> bool:
        return scope in self.rights


@dataclass(slots=True)
class Line:
    """A line with the viewer's rights over it, and what beside them its user has (`domain/access.py`).

    Never changed once it is made, as an account.
    """

    id: int
    operator: str
    msisdn: str | None
    service_point: str | None
    label: str | None
    kind: ServiceKind
    status: LineStatus
    is_own: bool
    account_id: int
    rights: frozenset[Scope]
    takes_promises: bool
    spends_balance: bool
    asks_to_spend: bool

    @property
    def my_scopes(self) -> Sequence[Scope]:
        return in_order(self.rights)

    def allows(self, scope: Scope) -> bool:
        return scope in self.rights


# There are few combinations, and every line and account of a page has one.
@lru_cache(1_000)
def in_order(rights: frozenset[Scope]) -> Sequence[Scope]:
    """Scopes as SPEC 4.4 lists them."""
    return tuple(scope for scope in Scope if scope in rights)


def lines(scope: ReadScope, rows: Iterable[LineRow]) -> list[Line]:
    """The lines that some right is left for; a line without any is not there for the viewer."""
    seen = ((row, scope.judged(row.operator, relation(row))) for row in rows)
    return [_line(row, judged) for row, judged in seen if judged.rights]


def widget_line(scope: ReadScope, row: LineRow) -> Line | None:
    """A widget's line as it may look at it; None when its owner may not look at it any more (N13)."""
    profile = scope.profile_of(row.operator)
    rights = widget_scopes(standing(row), profile, scope.today(profile)) if profile else None
    return _line(row, scope.judged(row.operator, relation(row))._replace(rights=rights)) if rights else None


def accounts(scope: ReadScope, rows: Iterable[AccountRow]) -> list[Account]:
    """The personal accounts that some right is left for."""
    seen = ((row, scope.judged(row.operator, relation(row)).rights) for row in rows)
    return [_account(row, rights) for row, rights in seen if rights]


def _line(row: LineRow, judged: Judged) -> Line:
    # By place, as hundreds of them are made for a page: names take half as long again.
    return Line(
        row.id,
        row.operator,
        row.msisdn,
        row.service_point,
        row.label,
        _KINDS[row.kind],
        _STATUSES[row.status],
        row.is_own,
        row.account_id,
        judged.rights,
        judged.takes_promises,
        judged.spends_balance,
        judged.asks_to_spend,
    )


def _account(row: AccountRow, rights: frozenset[Scope]) -> Account:
    kind, status = _KINDS[row.kind], _STATUSES[row.status]
    return Account(row.id, row.operator, row.number, kind, status, row.cash_payments_banned, row.contract_id, rights)
