"""Pages for development: the inbox of all messages, and the demo people. They do not exist in production."""

from collections.abc import Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from domain.profile import Profile
from gateways.simulators.inbox import Inbox
from server.settings import Settings
from services import demo

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Inbox · Hearth</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  :root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
  body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.4rem; }}
  article {{ border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .6rem;
    padding: .7rem 1rem; margin: .8rem 0; }}
  header {{ display: flex; gap: .8rem; flex-wrap: wrap; font-size: .85rem; opacity: .75; }}
  p {{ margin: .3rem 0 0; overflow-wrap: anywhere; white-space: pre-line; }}
  b {{ font: 600 1.1rem ui-monospace, monospace; letter-spacing: .1em; }}
</style></head><body>
<h1>Inbox</h1>
<p>Every SMS and e-mail that would have left, newest first. <a href="/graphiql/">GraphiQL</a></p>
{messages}
</body></html>"""

_MESSAGE = """<article><header><span>{channel}</span><span>to {to}</span><span>{operator}</span>
<time datetime="{at}">{at}</time></header><p>{text}</p>{code}</article>"""


def routes(settings: Settings, profiles: Mapping[str, Profile]) -> list[BaseRoute]:
    """`/dev/inbox` as a page and as JSON, `/dev/demo` as JSON."""
    messages = Inbox(settings.data)
    everybody = demo.people(settings.operators_path, profiles)
    # The default operator first: that is whose cabinet GraphiQL opens with.
    people = dict(sorted(everybody.items(), key=lambda item: item[0] != settings.operator))

    async def inbox(request: Request) -> Response:
        newest = await messages.newest()
        # A browser says that it takes HTML; everything else is a program.
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_page(newest), headers={"cache-control": "no-store"})
        return JSONResponse(newest, headers={"cache-control": "no-store"})

    async def demo_people(_: Request) -> Response:
        return JSONResponse(people)

    return [Route("/dev/inbox", inbox), Route("/dev/demo", demo_people)]


def _page(messages: list[dict[str, Any]]) -> str:
    shown = "".join(_shown(message) for message in messages)
    return _PAGE.format(messages=shown or "<p>Nothing yet: ask for a sign-in code.</p>")


def _shown(message: dict[str, Any]) -> str:
    fields = {key: escape(str(message.get(key) or "")) for key in ("channel", "to", "operator", "at", "text", "code")}
    fields["at"] = fields["at"][:19].replace("T", " ")
    code = f"<p><b>{fields['code']}</b></p>" if fields["code"] else ""
    return _MESSAGE.format(**{**fields, "code": code})
