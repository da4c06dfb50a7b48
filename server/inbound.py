"""What the operator's gateway tells: reports of deliveries, codes dialled, SMS to a short number (F005, F006, N10).

It posts them signed (docs/messages.md); in development the page
/dev/phone stands in for a telephone.
"""

import time
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from auth import temporary_password
from auth.temporary_password import PasswordOnItsWay
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import FeatureDisabled, RateLimited
from gateways.http_sms import read_report
from gateways.messages import Inbound
from gateways.signature import MAX_BODY_BYTES, SIGNATURE_HEADER, TIMESTAMP_HEADER, PostRejected, check_signature
from server.graphql_request import BadRequest, bounded_body
from server.receipts import Receipts
from server.settings import Settings
from services import link_revocation
from services.link_revocation import Stopped

_BODY = '{"operator", "from", "to", "text"}'

Outcome = PasswordOnItsWay | RateLimited | FeatureDisabled | Stopped

_PHONE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Phone · Hearth</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  :root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
  body {{ max-width: 28rem; margin: 2rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.4rem; }}
  label {{ display: block; margin: .8rem 0; }}
  input, select, button {{ font: inherit; width: 100%; padding: .4rem .6rem; box-sizing: border-box; }}
</style></head><body>
<h1>Phone</h1>
<p>What a subscriber dials or sends. The answer comes to the <a href="/dev/inbox">inbox</a>.</p>
<form method="post">
  <label>Operator <select name="operator">{operators}</select></label>
  <label>From number <input name="from" required inputmode="tel"></label>
  <label>Dial a code, or the number to send an SMS to
    <input name="to" required list="codes"><datalist id="codes">{codes}</datalist></label>
  <label>Text of the SMS, such as STOP in reply to a link <input name="text"></label>
  <button>Send</button>
</form>
<p role="status">{status}</p>
</body></html>"""


async def receive(profile: Profile, secret: bytes, sender: str, to: str, text: str = "") -> Outcome | None:
    """Act on what came from a telephone; None for a sender that is no number of the operator's.

    A code that is dialled begins with `*`; everything else is the number that an SMS with `text` went to. The word
    that refuses links is one wherever it goes, since people reply to whichever sender their telephone shows (N1).
    """
    msisdn = normalize(sender, profile)
    if msisdn is None:
        return None
    if text.strip().casefold() == profile.linking.revoke_sms_keyword.casefold():
        return await link_revocation.stop(profile, msisdn)
    if to.startswith("*"):
        return await temporary_password.by_ussd(profile, secret, msisdn, to)
    return await temporary_password.by_inbound_sms(profile, secret, msisdn, to)


async def receive_sms(settings: Settings, profiles: Mapping[str, Profile], message: Inbound) -> None:
    """Act on an SMS that a gateway brought: it is for the operator whose short number it went to.

    A reply goes to whatever name our messages bear, so one that refuses links is for the operator of its sender.
    """
    for profile in profiles.values():
        refuses = message.text.strip().casefold() == profile.linking.revoke_sms_keyword.casefold()
        if refuses or profile.auth.inbound_sms_number == message.to:
            await receive(profile, settings.key, message.sender, message.to, message.text)


def routes(settings: Settings, profiles: Mapping[str, Profile]) -> list[BaseRoute]:
    """`POST /gateway/inbound`: {"operator"?, "from", "to", "text"?}, and `POST /gateway/reports`, both signed."""
    key = settings.gateway_key

    async def reports(request: Request) -> Response:
        headers = request.headers
        try:
            receipt = read_report(
                await bounded_body(request, MAX_BODY_BYTES),
                headers.get(TIMESTAMP_HEADER, ""),
                headers.get(SIGNATURE_HEADER, ""),
                key=key,
                now=time.time(),
            )
        except (BadRequest, PostRejected) as rejected:
            return JSONResponse({"error": str(rejected)}, status_code=403)
        await Receipts(request.app.state.pool).note(receipt)
        return Response(status_code=204)

    async def inbound(request: Request) -> Response:
        headers = request.headers
        try:
            body = await bounded_body(request, MAX_BODY_BYTES)
            check_signature(
                body, headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, ""), key=key, now=time.time()
            )
        except (BadRequest, PostRejected) as rejected:
            return JSONResponse({"error": str(rejected)}, status_code=403)
        told = _told(body)
        profile = profiles.get(told.get("operator") or settings.operator) if told else None
        if told is None or profile is None:
            return JSONResponse({"error": f"the body must be {_BODY}, all text"}, status_code=400)
        return _answer(await receive(profile, settings.key, told["from"], told["to"], told.get("text") or ""))

    return [
        Route("/gateway/inbound", inbound, methods=["POST"]),
        Route("/gateway/reports", reports, methods=["POST"]),
    ]


def development_routes(settings: Settings, profiles: Mapping[str, Profile]) -> list[BaseRoute]:
    """`/dev/phone`: a telephone of any demo person."""

    async def phone(request: Request) -> Response:
        status = ""
        if request.method == "POST":
            try:
                written = (await bounded_body(request, MAX_BODY_BYTES)).decode(errors="replace")
            except BadRequest as refused:
                return JSONResponse({"error": str(refused)}, status_code=refused.status)
            form = {name: values[-1] for name, values in parse_qs(written).items()}
            profile = profiles.get(form.get("operator", ""))
            if profile is not None:
                sender, to, text = (form.get(name, "").strip() for name in ("from", "to", "text"))
                answer = _answer(await receive(profile, settings.key, sender, to, text))
                status = bytes(answer.body).decode()
        return HTMLResponse(_page(profiles, status))

    return [Route("/dev/phone", phone, methods=["GET", "POST"])]


def _told(body: bytes) -> dict[str, Any] | None:
    if len(body) > MAX_BODY_BYTES:
        return None
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    fits = isinstance(told, dict) and all(isinstance(told.get(name), str) for name in ("from", "to"))
    fits = fits and all(isinstance(told.get(name), str | None) for name in ("operator", "text"))
    return told if fits else None


def _answer(outcome: Outcome | None) -> JSONResponse:
    """What the gateway is told: that it was taken, or why it was not."""
    match outcome:
        case PasswordOnItsWay() | Stopped():
            return JSONResponse({"status": "taken"}, status_code=202)
        case RateLimited():
            return JSONResponse({"error": "too many for this number"}, status_code=429)
        case FeatureDisabled():
            return JSONResponse({"error": outcome.message}, status_code=404)
        case _:
            return JSONResponse({"error": "no number of this operator"}, status_code=404)


def _page(profiles: Mapping[str, Profile], status: str) -> str:
    codes = {
        code for each in profiles.values() for code in (each.auth.ussd_password_code, each.auth.inbound_sms_number)
    }
    return _PHONE.format(
        operators="".join(f"<option>{escape(operator)}</option>" for operator in profiles),
        codes="".join(f'<option value="{escape(code)}">' for code in sorted(filter(None, codes))),
        status=escape(status),
    )
