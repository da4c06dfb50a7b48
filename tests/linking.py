"""A village for tests of links: two families, and people who may be linked to them (the fixture `village`)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from gateways.payments import UnconfiguredProvider
from resolvers.node_id import encode
from server.graphql_context import Contexts
from server.settings import Settings
from services.payment_row import Desk
from tests import family
from tests.cabinet import Cabinet
from tests.databases import fetch, working
from tests.serving import served
from tests.session import open_session

OPERATOR = "beeline"
ANN, BOB, CID, TESS, VERA, EVE, GRANNY, FRED, TABLET, IVAN = range(10)
FREE = 20
"""A number of the operator's that nobody has."""
INTERNET = "A90"

VILLAGE = [
    *(family.person(OPERATOR, name) for name in ("ann", "bob", "vera", "eve", "granny", "fred", "ivan")),
    family.person(OPERATOR, "cid", birth_date="-11y"),
    family.person(OPERATOR, "tess", birth_date="-15y"),
    *family.mobile(OPERATOR, "ann", ANN, "ann"),
    *family.mobile(OPERATOR, "bob", BOB, "bob"),
    *family.mobile(OPERATOR, "ann", CID, "cid"),
    *family.mobile(OPERATOR, "ann", TESS, "tess"),
    *family.mobile(OPERATOR, "vera", VERA, "vera"),
    *family.mobile(OPERATOR, "eve", EVE, "eve"),
    *family.mobile(OPERATOR, "granny", GRANNY, "granny"),
    *family.mobile(OPERATOR, "fred", FRED, "fred"),
    *family.mobile(OPERATOR, "granny", TABLET, None),
    *family.mobile(OPERATOR, "ivan", IVAN, "ivan"),
    {"type": "contract", "operator": OPERATOR, "number": "C90", "holder": "granny"},
    {
        "type": "account",
        "operator": OPERATOR,
        "number": INTERNET,
        "kind": "INTERNET",
        "contract": "C90",
        "balance": "5.00",
    },
    family.household(OPERATOR, "smiths", ann="OWNER", bob="ADULT", cid="CHILD", tess="CHILD", vera="VIEWER"),
    family.household(OPERATOR, "eves", eve="OWNER"),
]

ERRORS = """
userErrors {
  __typename code message field
  ... on ScopesNotLinkable { scopes } ... on NumberAlreadyLinked { choices } ... on NumberLimitReached { most }
  ... on LinkChannelNotAllowed { channels } ... on RateLimited { retryAt } ... on CodeRejected { attemptsLeft }
  ... on AccountAsked { linkRequest { id status challenge { id } } }
}
"""
REQUEST = """
id status kind move targetMasked requestedBy requestedScopes isIncoming expiresAt link { id }
challenge { id purpose channel tag deliveryStatus attemptsLeft alternativeChannels }
"""
LINK = "id kind status scopes consent { method text scopes }"
ASK = f"""
mutation Ask($input: RequestNumberLinkInput!) {{
  requestNumberLink(input: $input) {{ linkRequest {{ {REQUEST} }} link {{ id }} line {{ id msisdn }} {ERRORS} }}
}}
"""
CONFIRM = f"""
mutation Confirm($id: ID!, $code: String!) {{
  confirmNumberLink(input: {{challengeId: $id, code: $code}}) {{ link {{ {LINK} }} {ERRORS} }}
}}
"""
APPROVE = f"""
mutation Approve($id: ID!, $scopes: [Scope!]!, $move: Boolean! = false) {{
  approveLinkRequest(input: {{linkRequestId: $id, scopes: $scopes, move: $move}}) {{ link {{ {LINK} }} {ERRORS} }}
}}
"""
DECLINE = f"""
mutation Decline($id: ID!, $abuse: Boolean! = false) {{
  declineLinkRequest(input: {{linkRequestId: $id, reportAbuse: $abuse}}) {{ {ERRORS} }}
}}
"""
PRIVACY = f"""
mutation Privacy($line: ID!, $allow: Boolean!) {{
  setLinkPrivacy(input: {{lineId: $line, allowRequests: $allow}}) {{ {ERRORS} }}
}}
"""
PASSWORD = f"""
mutation Password($input: LinkNumberWithPasswordInput!) {{
  linkNumberWithPassword(input: $input) {{ link {{ {LINK} }} {ERRORS} }}
}}
"""
ACCOUNT = f"""
mutation Account($input: LinkPersonalAccountInput!) {{
  linkPersonalAccount(input: $input) {{ link {{ {LINK} }} {ERRORS} }}
}}
"""
RESEND = f"""
mutation Resend($id: ID!) {{
  resendCode(input: {{challengeId: $id}}) {{ challenge {{ id tag }} {ERRORS} }}
}}
"""
REQUESTS = f"""
query Requests($direction: LinkDirection!, $first: Int, $after: String) {{
  viewer {{ linkRequests(direction: $direction, first: $first, after: $after) {{
    totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ {REQUEST} }} }}
  }} }}
}}
"""
SCOPES = "query Scopes($id: ID!) { node(id: $id) { ... on Line { myScopes } } }"
LOOK, HELP = ["VIEW", "PAY"], ["VIEW", "USAGE", "PAY", "AUTOPAY", "SERVICES", "BLOCK"]


@dataclass(frozen=True)
class Village:
    """What a test reaches for."""

    url: str
    anybody: Cabinet
    profiles: Mapping[str, Profile]
    contexts: Contexts

    async def of(self, index: int, *, level: str = "FULL", proven: bool = True) -> Cabinet:
        """A new session of who uses the index-th number, with a fresh proof."""
        token = await open_session(self.url, OPERATOR, family.number(OPERATOR, index), level)
        await self.run("update session set stepped_up_at = case when $1 then now() end where id = "
                       "(select max(id) from session)", proven)  # fmt: skip
        return self.anybody.of(OPERATOR, token)

    async def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await fetch(self.url, sql, *arguments)]

    async def run(self, sql: str, *arguments: object) -> None:
        await fetch(self.url, sql, *arguments)

    async def value(self, sql: str, *arguments: object) -> Any:
        [(value,)] = await self.rows(sql, *arguments)
        return value

    async def line(self, index: int) -> int:
        key: int = await self.value("select id from line where msisdn = $1", family.number(OPERATOR, index))
        return key

    async def line_id(self, index: int) -> str:
        """The global id of the index-th number."""
        return encode("Line", await self.line(index))

    async def ask(self, cabinet: Cabinet, index: int, *scopes: str, **more: Any) -> dict[str, Any]:
        """What asking for the index-th number is answered."""
        form = {"msisdn": family.number(OPERATOR, index), "scopes": list(scopes) or LOOK, **more}
        payload: dict[str, Any] = (await cabinet.data(ASK, input=form))["requestNumberLink"]
        return payload

    async def asked(self, cabinet: Cabinet, index: int, *scopes: str, **more: Any) -> dict[str, Any]:
        """A request that was taken."""
        payload = await self.ask(cabinet, index, *scopes, **more)
        assert payload["userErrors"] == [], payload
        request: dict[str, Any] = payload["linkRequest"]
        return request

    async def refused(self, cabinet: Cabinet, index: int, *scopes: str, **more: Any) -> dict[str, Any]:
        """Why asking is refused; nothing was written, and nobody told."""
        before = await self.value("select count(*) from outbox")
        payload = await self.ask(cabinet, index, *scopes, **more)
        assert await self.value("select count(*) from outbox") == before
        assert payload["linkRequest"] is None
        [error] = payload["userErrors"]
        refusal: dict[str, Any] = error
        return refusal

    async def confirm(self, cabinet: Cabinet, request: dict[str, Any], code: str | None = None) -> dict[str, Any]:
        """The payload of `confirmNumberLink`, with the code that was sent."""
        challenge = request["challenge"]["id"]
        given = code or await self.code(challenge)
        payload: dict[str, Any] = (await cabinet.data(CONFIRM, id=challenge, code=given))["confirmNumberLink"]
        return payload

    async def linked(self, cabinet: Cabinet, index: int, *scopes: str, **more: Any) -> dict[str, Any]:
        """A link that was asked for and confirmed."""
        payload = await self.confirm(cabinet, await self.asked(cabinet, index, *scopes, **more))
        assert payload["userErrors"] == [], payload
        link: dict[str, Any] = payload["link"]
        return link

    async def code(self, challenge: str) -> str:
        """The digits that a challenge asks for, sent or not."""
        code: str = await self.value("select body->>'code' from outbox where dedup = $1", f"challenge:{challenge}")
        return code

    async def sent_to(self, index: int) -> list[str]:
        """What was written to a number, oldest first."""
        sql = "select body->>'text' from outbox where kind = 'sms' and body->>'to' = $1 order by id"
        return [text for (text,) in await self.rows(sql, family.number(OPERATOR, index))]

    async def requests(self, cabinet: Cabinet, direction: str) -> list[dict[str, Any]]:
        """The requests that a cabinet shows."""
        found = (await cabinet.data(REQUESTS, direction=direction))["viewer"]["linkRequests"]
        return [edge["node"] for edge in found["edges"]]

    async def scopes(self, cabinet: Cabinet, index: int) -> list[str] | None:
        """What the cabinet may do with the index-th number; None where it does not see it."""
        node = (await cabinet.data(SCOPES, id=await self.line_id(index)))["node"]
        return node["myScopes"] if node else None

    async def later(self, seconds: int) -> None:
        """So much later, for codes and requests."""
        for table, column in (
            ("challenge", "created_at"),
            ("challenge", "expires_at"),
            ("link_request", "expires_at"),
            ("link_request", "created_at"),
        ):
            await self.run(f"update {table} set {column} = {column} - make_interval(secs => $1)", float(seconds))


@asynccontextmanager
async def opened(url: str, settings: Settings, profiles: Mapping[str, Profile]) -> AsyncIterator[Village]:
    """The village on a database of the test's own."""
    async with working(url) as pool:
        contexts = Contexts(settings, profiles, LedgerBilling(), pool, {}, Desk(UnconfiguredProvider()))
        async with served(contexts) as client:
            yield Village(url, Cabinet(client), profiles, contexts)
