"""What payment providers post, and the loop that looks after payments that nobody waits for any more."""

import time
from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from domain.profile import Profile
from gateways.payments import ProviderFailed
from gateways.signature import PostRejected
from models.reader import SILENT
from server.graphql_request import BadRequest, bounded_body
from server.loops import rest
from services import payment_recovery, promised_payment, refund_settlement
from services.payment_row import Desk

_MAX_BODY_BYTES = 64 * 1024
_LOOK_SECONDS = 1.0

_log = structlog.get_logger()


def routes(profiles: Mapping[str, Profile]) -> list[BaseRoute]:
    """`POST /gateway/payments/<provider>`: notifications. No 2xx before what they tell has had its effect."""

    async def notified(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        if request.path_params["provider"] != desk.provider.name:
            return JSONResponse({"error": "there is no such provider here"}, status_code=404)
        peer = request.client.host if request.client else ""
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            body = await bounded_body(request, _MAX_BODY_BYTES)
            told = await desk.provider.read_notification(body, headers, peer=peer, now=time.time())
            if told is not None:
                await payment_recovery.hear(desk, profiles, told)
        except (BadRequest, PostRejected) as rejected:
            return JSONResponse({"error": str(rejected)}, status_code=403)
        except (ProviderFailed, *SILENT) as failed:
            # It is posted again later, and the recovery loop does not depend on it.
            _log.warning("a notification has to come again", error=type(failed).__name__)
            return JSONResponse({"error": "try again later"}, status_code=503)
        return Response(status_code=204)

    return [Route("/gateway/payments/{provider}", notified, methods=["POST"])]


async def look_after_payments(desk: Desk, profiles: Mapping[str, Profile]) -> None:
    """Bring payments, refunds and promises to their end until cancelled; a database that goes away is waited for."""
    while True:
        found = 0
        try:
            found = await payment_recovery.recover(desk, profiles)
            found = max(found, await refund_settlement.recover(desk, profiles))
            found = max(found, await promised_payment.collect(profiles))
        except Exception as error:  # whatever it is, the other payments must be looked after when it is over
            silent = isinstance(error, SILENT)
            _log.error("payments are looked after anew", error=type(error).__name__, exc_info=not silent)
        if found < payment_recovery.BATCH:
            await rest(_LOOK_SECONDS)
