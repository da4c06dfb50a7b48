"""Is the process alive, and may it be sent requests?"""

from starlette.requests import Request
from starlette.responses import JSONResponse

from models.migrate import is_current
from models.reader import SILENT, Reader
from server.drain import Drain


async def healthz(_: Request) -> JSONResponse:
    """200 while the process answers at all."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> JSONResponse:
    """200 when the database answers and has this version's tables and a catalogue; 503 otherwise, and when we stop."""
    drain: Drain = request.app.state.drain
    if drain.has_begun:
        return JSONResponse({"status": "stopping"}, status_code=503)
    reads = Reader(request.app.state.pool)
    try:
        if await is_current(reads):
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not migrated or not seeded"}, status_code=503)
    except SILENT:
        return JSONResponse({"status": "the database does not answer"}, status_code=503)
    finally:
        await reads.close()
