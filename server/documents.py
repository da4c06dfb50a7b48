"""`GET /documents/<token>`: a document, for whoever has its address while that lasts (F084)."""

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from auth import document_link
from domain.profile import Profile
from models.reader import SILENT
from server.settings import Settings
from services import receipt
from services.receipt_pdf import render

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


def routes(settings: Settings, profiles: Mapping[str, Profile]) -> list[BaseRoute]:
    """The route. Whatever is wrong with an address, there is nothing there."""

    async def document(request: Request) -> Response:
        link = document_link.read(settings.key, request.path_params["token"])
        profile = profiles.get(link.operator) if link is not None else None
        if link is None or profile is None:
            return _nothing()
        try:
            sheet = await receipt.document(profile, link.document)
        except SILENT:
            return JSONResponse({"error": "try again later"}, status_code=503, headers=_HEADERS)
        if sheet is None:
            return _nothing()
        pdf = await asyncio.to_thread(render, sheet)
        named = {"content-disposition": f'attachment; filename="{link.document}.pdf"'}
        return Response(pdf, media_type="application/pdf", headers=_HEADERS | named)

    return [Route("/documents/{token}", document, methods=["GET"])]


def _nothing() -> Response:
    return JSONResponse({"error": "there is no such document"}, status_code=404, headers=_HEADERS)
