"""The page of the bank simulator on which a payer confirms, in Russian and in English; it loads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs

from babel.numbers import format_currency
from starlette.requests import Request
from starlette.responses import HTMLResponse

from domain.payment import DeclineReason, PaymentMethodKind
from gateways.simulators.bank.cards import TEST_CARDS
from gateways.simulators.bank.records import Behaviour, Card, Payment, State

_LATER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of the page in one language."""

    language: str
    bank: str
    simulator: str
    to_pay: str
    pay: str
    decline: str
    choose: str
    otherwise: str
    later: str
    lose: str
    lose_and_fail: str
    states: Mapping[State, str]
    back: str
    connection_lost: str
    decided_before: str
    not_found: str
    tokens: str
    tokens_hint: str
    kinds: Mapping[PaymentMethodKind, str]


_RUSSIAN = Words(
    language="ru",
    bank="Банк-очаг",
    simulator="Учебный банк: деньги здесь не настоящие",
    to_pay="К оплате",
    pay="Оплатить",
    decline="Отказаться",
    choose="Чем заплатить",
    otherwise="Что ещё может случиться",
    later="Оплатить, но узнать об этом через 10 секунд",
    lose="Оплатить и потерять ответ: магазину никто не сообщит",
    lose_and_fail="Отказать и потерять ответ",
    states={
        State.AWAITING_PAYER: "Ждёт вашего решения",
        State.PENDING: "Платёж обрабатывается",
        State.HELD: "Деньги зарезервированы",
        State.CHARGED: "Оплачено",
        State.DECLINED: "Платёж не прошёл",
    },
    back="Вернуться в магазин",
    connection_lost="Связь прервалась. Решение принято, но магазин о нём ещё не знает.",
    decided_before="Решение по этому платежу уже принято, второй раз деньги не спишутся.",
    not_found="Такого платежа нет",
    tokens="Тестовые токены",
    tokens_hint="Каждый ведёт себя по-своему. Номеров карт здесь нет, и вводить их негде.",
    kinds={
        PaymentMethodKind.E_WALLET: "Электронный кошелёк",
        PaymentMethodKind.SBP: "Система быстрых платежей",
        PaymentMethodKind.BANK_APP: "Приложение банка",
    },
)
_ENGLISH = Words(
    language="en",
    bank="Hearth Bank",
    simulator="A practice bank: no real money here",
    to_pay="To pay",
    pay="Pay",
    decline="Decline",
    choose="Pay with",
    otherwise="What else can happen",
    later="Pay, and let it be known 10 seconds later",
    lose="Pay and lose the answer: nobody tells the shop",
    lose_and_fail="Decline and lose the answer",
    states={
        State.AWAITING_PAYER: "Waiting for your decision",
        State.PENDING: "The payment is being processed",
        State.HELD: "The money is set aside",
        State.CHARGED: "Paid",
        State.DECLINED: "The payment did not go through",
    },
    back="Back to the shop",
    connection_lost="The connection was lost. The decision is made, and the shop does not know of it yet.",
    decided_before="This payment was decided before; nothing is charged twice.",
    not_found="There is no such payment",
    tokens="Test tokens",
    tokens_hint="Each behaves in its own way. There are no card numbers here, and nowhere to type one.",
    kinds={
        PaymentMethodKind.E_WALLET: "E-wallet",
        PaymentMethodKind.SBP: "Faster Payments (SBP)",
        PaymentMethodKind.BANK_APP: "Bank app",
    },
)

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, "Noto Sans", sans-serif; --ink: #17212f; --soft: #5d6b7e;
  --line: #dde3ec; --sheet: #fff; --ground: #eef2f7; --accent: #d9480f;
  --card: linear-gradient(135deg, #22324d, #41608f) }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf4; --soft: #9aa7b8; --line: #303b4b; --sheet: #1a222d;
  --ground: #10161e; --accent: #ff8a50 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem 1rem;
  background: var(--ground); color: var(--ink) }
main { width: 100%; max-width: 27rem; background: var(--sheet); border-radius: 1.25rem; padding: 1.75rem;
  box-shadow: 0 1px 2px #0001, 0 18px 50px -20px #0004 }
header { display: flex; gap: .7rem; align-items: center; margin-bottom: 1.4rem }
header svg { width: 2.2rem; flex: none; color: var(--accent) }
header b { display: block; line-height: 1.2 }
small, .soft { color: var(--soft); font-size: .85rem }
.amount { font-size: 2.5rem; font-weight: 700; letter-spacing: -.02em; line-height: 1.15; margin: .1rem 0 .3rem }
p { margin: .2rem 0 }
.card { background: var(--card); color: #fff; border-radius: .9rem; padding: 1rem 1.15rem; margin: 1.3rem 0;
  display: grid; gap: 1.4rem }
.card span { font: 600 1.1rem ui-monospace, monospace; letter-spacing: .12em }
.card div { display: flex; justify-content: space-between; opacity: .9 }
fieldset { border: 0; padding: 0; margin: 1.3rem 0; display: grid; gap: .45rem }
legend { padding: 0 0 .45rem; font-weight: 600 }
label { display: flex; gap: .7rem; align-items: center; border: 1px solid var(--line); border-radius: .8rem;
  padding: .6rem .85rem; cursor: pointer }
label:has(:checked) { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent) }
label span { margin-left: auto; font: .9rem ui-monospace, monospace; color: var(--soft) }
input { accent-color: var(--accent); margin: 0 }
button, .button { font: inherit; font-weight: 600; width: 100%; padding: .8rem 1rem; border-radius: .8rem;
  border: 1px solid var(--line); background: none; color: inherit; display: block; text-align: center;
  text-decoration: none; margin-top: .6rem; cursor: pointer }
button.first { background: var(--accent); border-color: var(--accent); color: #fff }
@media (prefers-color-scheme: dark) { button.first { color: #1b0d05 } }
button:focus-visible, .button:focus-visible, summary:focus-visible { outline: 3px solid var(--accent);
  outline-offset: 2px }
details { margin-top: 1.2rem; border-top: 1px solid var(--line); padding-top: .9rem }
details button { font-weight: 400; text-align: left; font-size: .9rem; padding: .6rem .85rem }
summary { cursor: pointer; color: var(--soft); font-size: .9rem }
[role=status] { border-left: 4px solid var(--accent); padding: .2rem .9rem; margin: 1.2rem 0 }
table { width: 100%; border-collapse: collapse; margin-top: 1rem; font-size: .9rem }
td { padding: .45rem 0; border-top: 1px solid var(--line) }
td + td { text-align: right; color: var(--soft) }
"""

_SHELL = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title} · {bank}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body><main>
<header><svg viewBox="0 0 32 32" fill="currentColor" aria-hidden="true"><path
d="M16 1 2 9v3h28V9L16 1Zm0 4 6 4H10l6-4ZM5 14v10H3v5h26v-5h-2V14h-4v10h-3V14h-8v10H9V14H5Z"/></svg>
<div><b>{bank}</b><small>{simulator}</small></div></header>
{content}
</main></body></html>"""


def words(request: Request) -> Words:
    """The texts in the language that `?lang=` or the browser asks for; Russian unless English comes first."""
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return _ENGLISH if asked[:2].lower() == "en" else _RUSSIAN


def form(body: bytes) -> dict[str, str]:
    """The fields of a posted form."""
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def behaviour(told: Mapping[str, str]) -> Behaviour:
    """What the payer's button makes of the payment. No button is no consent."""
    match told.get("do"):
        case "pay":
            return Behaviour()
        case "later":
            return Behaviour(settle_after=_LATER_SECONDS)
        case "lose":
            return Behaviour(copies=0)
        case "lose-and-fail":
            return Behaviour(decline=DeclineReason.NOT_CONFIRMED, copies=0)
        case _:
            return Behaviour(decline=DeclineReason.NOT_CONFIRMED)


def loses_the_payer(told: Mapping[str, str]) -> bool:
    """Whether the payer never comes back to the shop."""
    return told.get("do", "").startswith("lose")


def page(payment: Payment, said: Words, message: str | None) -> str:
    """The payment and, while it waits for its payer, the buttons; `message` is what became of the last one."""
    amount = format_currency(payment.amount.amount, payment.amount.currency, locale=said.language)
    parts = [
        f'<p class="soft">{said.to_pay}</p><p class="amount">{escape(amount)}</p>',
        f"<p>{escape(payment.order.description)}</p>",
    ]
    if message is not None:
        parts.append(f'<p role="status">{message}</p>')
    if payment.card is not None:
        parts.append(_plastic(payment.card))
    if payment.state == State.AWAITING_PAYER:
        parts.append(_choices(payment, said, amount))
    else:
        parts.append(f'<p role="status"><b>{said.states[payment.state]}</b></p>')
        if payment.order.return_url is not None:
            parts.append(f'<a class="button" href="{escape(payment.order.return_url)}">{said.back}</a>')
    return _shell(said, amount, "\n".join(parts))


def not_found(said: Words) -> str:
    """The page of a payment that does not exist."""
    return _shell(said, said.not_found, f"<p>{said.not_found}</p>")


def home(said: Words) -> str:
    """The tokens that there are for tests."""
    rows = "".join(
        f"<tr><td><code>{token}</code></td><td>{escape(_title(card, said))}</td></tr>"
        for token, card in TEST_CARDS.items()
    )
    hint = f'<p class="soft">{said.tokens_hint}</p>'
    return _shell(said, said.tokens, f"<b>{said.tokens}</b>{hint}<table>{rows}</table>")


def response(content: str, status: int, headers: Mapping[str, str]) -> HTMLResponse:
    """A page."""
    return HTMLResponse(content, status, dict(headers))


def _choices(payment: Payment, said: Words, amount: str) -> str:
    methods = ""
    if payment.card is None:
        offered = {token: card for token, card in TEST_CARDS.items() if card.kind == payment.order.kind}
        methods = "".join(
            f'<label><input type="radio" name="token" value="{token}"{" checked" if not number else ""}>'
            f"{escape(_title(card, said))}<span>{'•• ' + card.last_four if card.last_four else ''}</span></label>"
            for number, (token, card) in enumerate(offered.items())
            if _is_ordinary(card)
        )
        methods = f"<fieldset><legend>{said.choose}</legend>{methods}</fieldset>"
    return f"""<form method="post">{methods}
<button class="first" name="do" value="pay">{said.pay} {escape(amount)}</button>
<button name="do" value="decline">{said.decline}</button>
<details><summary>{said.otherwise}</summary>
<button name="do" value="later">{said.later}</button>
<button name="do" value="lose">{said.lose}</button>
<button name="do" value="lose-and-fail">{said.lose_and_fail}</button></details></form>"""


def _is_ordinary(card: Card) -> bool:
    # The payer says on the page what is to happen, so that cards which decide for themselves have no place there.
    return card.behaviour == Behaviour()


def _plastic(card: Card) -> str:
    number = f"•••• •••• •••• {card.last_four}" if card.last_four else ""
    expires = ""
    if card.expires_month is not None and card.expires_year is not None:
        expires = f"{card.expires_month:02}/{card.expires_year % 100:02}"
    return (
        f'<div class="card"><div><b>{escape(card.title)}</b><b>{escape(card.issuer_country or "")}</b></div>'
        f"<span>{escape(number)}</span><div><small></small>{expires}</div></div>"
    )


def _title(card: Card, said: Words) -> str:
    return said.kinds.get(card.kind, card.title)


def _shell(said: Words, title: str, content: str) -> str:
    return _SHELL.format(
        language=said.language,
        title=escape(title),
        bank=said.bank,
        simulator=said.simulator,
        style=_STYLE,
        content=content,
    )
