"""GraphiQL, built into `graphiql/dist` from the sources beside it; it asks no other host for anything.

Its seven megabytes travel as two: each file is compressed once, when the first client that takes gzip asks for it.
"""

import asyncio
import gzip
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from server.accepted import weights

DIST = Path(__file__).resolve().parent.parent / "graphiql" / "dist"

# Everything comes from this host; Monaco writes its styles inline.
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Assets carry a hash of their content in their names; the page that names them does not.
_FOR_EVER = "public, max-age=31536000, immutable"
# The rest is in formats that are compressed already.
_COMPRESSED = {".css", ".html", ".js", ".svg", ".ttf"}
# More than a build has files.
_MOST_FILES = 100


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
            raise HTTPException(404)
        response = await self.get_response(path, scope)
        if Path(path).suffix in _COMPRESSED or path == ".":
            response.headers["vary"] = "accept-encoding"
            if isinstance(response, FileResponse) and _takes_gzip(scope):
                return await _compressed(response)
        return response


def _takes_gzip(scope: Scope) -> bool:
    return weights(Headers(scope=scope).get("accept-encoding", "")).get("gzip", 0) > 0


async def _compressed(plain: FileResponse) -> Response:
    """The same file in gzip: whole, since a range of it would be one of the other's bytes."""
    assert plain.stat_result is not None
    content = await asyncio.to_thread(_gzipped, Path(plain.path), plain.stat_result.st_mtime_ns)
    response = Response(content, plain.status_code, media_type=plain.media_type)
    # Two codings of a file are the same to whoever asks whether it has changed, but not byte for byte.
    response.headers["etag"] = f"W/{plain.headers['etag']}"
    response.headers["last-modified"] = plain.headers["last-modified"]
    response.headers["content-encoding"] = "gzip"
    response.headers["vary"] = "accept-encoding"
    return response


@lru_cache(_MOST_FILES)
def _gzipped(file: Path, _changed: int) -> bytes:
    return gzip.compress(file.read_bytes(), mtime=0)


def routes() -> list[BaseRoute]:
    """The page at /graphiql/, and the way there from /graphiql."""

    async def to_page(_: Request) -> Response:
        return RedirectResponse("/graphiql/")

    return [
        Route("/graphiql", to_page),
        Mount("/graphiql", _Pages(directory=DIST, html=True, check_dir=False)),
    ]
