"""GraphiQL's files: compressed for whoever takes that, kept for ever where the name has a hash, and never in part."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from server import graphiql
from server.edge import AnswerHeaders

SCRIPT = b"export const hearth = 'home';\n" * 500
PAGE = b"<!doctype html><title>GraphiQL</title>" + b"<p>hearth</p>" * 200


@pytest.fixture
async def http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server whose GraphiQL is three files."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/index-COt4y8Ly.js").write_bytes(SCRIPT)
    (tmp_path / "assets/flame.woff2").write_bytes(SCRIPT)
    (tmp_path / "index.html").write_bytes(PAGE)
    monkeypatch.setattr(graphiql, "DIST", tmp_path)
    app = Starlette(routes=graphiql.routes(), middleware=[Middleware(AnswerHeaders)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content", "cache"),
    [
        ("/graphiql/assets/index-COt4y8Ly.js", SCRIPT, "public, max-age=31536000, immutable"),
        ("/graphiql/", PAGE, "no-cache"),
        ("/graphiql/index.html", PAGE, "no-cache"),
    ],
)
async def test_a_file_is_compressed_for_whoever_takes_gzip(
    http: httpx2.AsyncClient, path: str, content: bytes, cache: str
) -> None:
    async with http.stream("GET", path, headers={"accept-encoding": "br, gzip;q=0.5"}) as packed:
        raw = b"".join([part async for part in packed.aiter_raw()])
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(raw) < len(content) / 10
    assert gzip.decompress(raw) == content
    for refusing in ("identity", "gzip;q=0", "br", ""):
        plain = await http.get(path, headers={"accept-encoding": refusing})
        assert "content-encoding" not in plain.headers
        assert plain.content == content
        for name in ("vary", "cache-control", "content-type", "content-security-policy"):
            assert plain.headers[name] == packed.headers[name]
        # The one is not taken for the other by whoever has half of it.
        assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    assert packed.headers["vary"] == "accept-encoding"
    assert packed.headers["cache-control"] == cache


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_a_file_that_has_not_changed_is_not_sent_again(http: httpx2.AsyncClient, coding: str) -> None:
    headers = {"accept-encoding": coding}
    known = await http.get("/graphiql/", headers=headers)
    again = await http.get("/graphiql/", headers=headers | {"if-none-match": known.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["vary"], again.headers["cache-control"]) == ("accept-encoding", "no-cache")


async def test_a_file_that_was_built_anew_is_compressed_anew(http: httpx2.AsyncClient) -> None:
    headers = {"accept-encoding": "gzip"}
    before = await http.get("/graphiql/", headers=headers)
    (graphiql.DIST / "index.html").write_bytes(PAGE + b"new")
    after = await http.get("/graphiql/", headers=headers | {"if-none-match": before.headers["etag"]})
    assert (after.status_code, after.content) == (200, PAGE + b"new")


async def test_what_is_no_file_or_compressed_already_stays_as_it_is(http: httpx2.AsyncClient) -> None:
    headers = {"accept-encoding": "gzip"}
    font = await http.get("/graphiql/assets/flame.woff2", headers=headers)
    assert "content-encoding" not in font.headers
    assert "vary" not in font.headers
    part = await http.get("/graphiql/assets/index-COt4y8Ly.js", headers={"accept-encoding": "", "range": "bytes=0-5"})
    assert (part.status_code, part.content) == (206, SCRIPT[:6])
    for path in ("/graphiql/assets/none.js", "/graphiql/../server/app.py", "/graphiql/%2e%2e/pyproject.toml"):
        missing = await http.get(path, headers=headers)
        assert missing.status_code == 404
        assert "content-encoding" not in missing.headers
