"""GraphiQL, built into `graphiql/dist` from the sources beside it; it asks no other host for anything."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

DIST = Path(__file__).resolve().parent.parent / "graphiql" / "dist"

# Everything comes from this host; Monaco writes its styles inline.
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Assets carry a hash of their content in their names; the page that names them does not.
_FOR_EVER = "public, max-age=31536000, immutable"


class _Pages(StaticFiles):
    """Static files that keep to this host."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(scope)
        response.headers["content-security-policy"] = _POLICY
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["cache-control"] = _FOR_EVER if "/assets/" in scope["path"] else "no-cache"
        await response(scope, receive, send)

    async def _response(self, scope: Scope) -> Response:
        if not (DIST / "index.html").exists():
            return PlainTextResponse("GraphiQL is not built: run `make graphiql`", status_code=503)
        path = self.get_path(scope)
        if any(part.startswith(".") for part in Path(path).parts):
            return PlainTextResponse("Not Found", status_code=404)
        try:
            return await self.get_response(path, scope)
        except HTTPException as error:
            return PlainTextResponse(error.detail, status_code=error.status_code)


def routes() -> list[BaseRoute]:
    """The page at /graphiql/, and the way there from /graphiql."""

    async def to_page(_: Request) -> Response:
        return RedirectResponse("/graphiql/")

    return [
        Route("/graphiql", to_page),
        Mount("/graphiql", _Pages(directory=DIST, html=True, check_dir=False)),
    ]
