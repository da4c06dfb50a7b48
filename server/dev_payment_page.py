"""`/payments?key=…` in development: where a bank sends a payer back to, for want of a front end of one's own."""

from html import escape
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from domain.money import CurrencyCode, Money
from domain.payment import OPEN, PaymentStatus

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} · Hearth</title>{again}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  :root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
  body {{ max-width: 28rem; margin: 4rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.4rem; margin-bottom: .2rem; }}
  dl {{ display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; }}
  dd {{ margin: 0; }}
  a {{ display: inline-block; margin: .6rem 1rem 0 0; }}
</style></head><body>
<h1 role="status">{title}</h1>
<p>{text}</p>
{facts}
<p><a href="/graphiql/">GraphiQL</a>{bank}</p>
</body></html>"""

_TOLD = {
    PaymentStatus.AWAITING_CONFIRMATION: ("Waiting for you", "The payment is not confirmed yet."),
    PaymentStatus.PROCESSING: ("On its way", "The bank has not said yet what became of it. This page asks again."),
    PaymentStatus.COMPLETED: ("Paid", "The money is on the account."),
    PaymentStatus.DECLINED: ("Not paid", "The payment was not made; nothing was charged."),
    PaymentStatus.EXPIRED: ("Not paid", "It was not confirmed in time; nothing was charged."),
    PaymentStatus.CANCELLED: ("Given up", "The payment was given up; nothing was charged."),
    PaymentStatus.REFUNDED: ("Given back", "The money went back to where it came from."),
}
_FOUND = """
select id, status, named, amount, fee, currency, failure, redirect_url from payment where key = $1
order by id desc limit 1
"""
# A status that is on its way is looked at again.
_AGAIN = '<meta http-equiv="refresh" content="2">'
_LONGEST_KEY = 96


async def _page(request: Request) -> Response:
    key = request.query_params.get("key", "")[:_LONGEST_KEY].replace("\0", "")
    pool: asyncpg.Pool[asyncpg.Record] = request.app.state.pool
    async with pool.acquire() as connection:
        found = await connection.fetchrow(_FOUND, key)
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    if found is None:
        told = {"title": "No such payment", "text": "Nothing was begun under this key.", "facts": "", "bank": ""}
        return HTMLResponse(_PAGE.format(again="", **told), 404, headers)
    return HTMLResponse(_shown(found), 200, headers)


def _shown(found: Any) -> str:
    status, currency = PaymentStatus(found["status"]), CurrencyCode(found["currency"])
    title, text = _TOLD[status]
    facts = {
        "For": found["named"],
        "Amount": str(Money(found["amount"], currency)),
        "Fee": str(Money(found["fee"], currency)) if found["fee"] else None,
        "Payment": str(found["id"]),
        "Why": found["failure"],
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items() if fact)
    waits = status is PaymentStatus.AWAITING_CONFIRMATION and found["redirect_url"]
    bank = f'<a href="{escape(found["redirect_url"])}">To the bank</a>' if waits else ""
    again = _AGAIN if status in OPEN else ""
    return _PAGE.format(title=title, text=text, facts=f"<dl>{rows}</dl>", bank=bank, again=again)


ROUTE = Route("/payments", _page)
"""Tells what became of the newest payment of a key, without a session: in development nobody is to be kept out."""
