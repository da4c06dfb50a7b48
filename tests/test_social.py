"""F021: an account of a social network is bound after signing in, and opens the cabinet by one click from then on.

The network is npm's `oidc-provider`, a real OpenID Connect provider, on this machine.
"""

import asyncio
import json
import os
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import asyncpg
import httpx2
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from gateways.oidc import code_challenge
from server.graphql_context import Contexts
from server.graphql_http import GraphQLEndpoint
from server.settings import Settings
from server.social import read_registrations, social_providers
from tests.cabinet import Cabinet
from tests.conftest import NOBODY, free_port
from tests.npm_peer import installed, node
from tests.serving import SCHEMA
from tests.session import until_it_waits

CALLBACK = "https://lk.example.ru/social"
OTHER_CALLBACK = "https://lk.example.com/social"

URL = """
query Url($provider: SocialProvider!, $redirectUri: String!, $codeChallenge: String!, $state: String!) {
  socialAuthorizationUrl(
    provider: $provider, redirectUri: $redirectUri, codeChallenge: $codeChallenge, state: $state)
}
"""
LINK = """
mutation Link($input: LinkSocialAccountInput!) {
  payload: linkSocialAccount(input: $input) {
    clientMutationId userErrors { __typename code message field ... on FeatureDisabled { feature } }
  }
}
"""
SIGN_IN = """
mutation SignIn($input: SignInWithSocialInput!) {
  payload: signInWithSocial(input: $input) {
    clientMutationId accessToken session { current accessLevel } viewer { user { displayName } }
    userErrors { __typename code message field ... on FeatureDisabled { feature } }
  }
}
"""
UNLINK = """
mutation Unlink($id: ID!) {
  payload: unlinkSocialAccount(input: {socialAccountId: $id}) { userErrors { __typename code message field } }
}
"""
ACCOUNTS = "{ viewer { id socialAccounts { __typename id provider title linkedAt } } }"


@dataclass
class Network:
    """The peer, where the cabinets of two operators are registered; it can be stopped and started again."""

    port: int

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """The network answers, for the life of the block."""
        clients = [
            {"client_id": "letai", "client_secret": "letai's secret", "redirect_uris": [CALLBACK, OTHER_CALLBACK]},
            {"client_id": "letai-app", "redirect_uris": [CALLBACK]},
            {"client_id": "beeline", "client_secret": "beeline's secret", "redirect_uris": [CALLBACK]},
        ]
        process = subprocess.Popen(
            [node(), installed("oidc") / "server.mjs"],
            env={**os.environ, "PORT": str(self.port), "CLIENTS": json.dumps(clients)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n", "the network did not start"
                yield
            finally:
                process.kill()

    def registrations(self) -> str:
        """What HEARTH_OIDC names: letai's VK is a confidential client, its OK a public one, beeline's VK another."""
        common = f'issuer = "{self.issuer}"\nredirect_uris = ["{CALLBACK}"]\n'
        return (
            f'[letai.VK]\nclient_id = "letai"\nclient_secret = "letai\'s secret"\n{common}'
            f'[letai.OK]\nclient_id = "letai-app"\n{common}'
            f'[beeline.VK]\nclient_id = "beeline"\nclient_secret = "beeline\'s secret"\n{common}'
        )


@dataclass
class Front:
    """A front end: it sends somebody to the network, and brings back the code and its own verifier."""

    provider: str = "VK"

    async def bring(self, cabinet: Cabinet, subject: str) -> dict[str, Any]:
        """The input of a mutation, once `subject` has signed in at the network and agreed."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        told = {"codeChallenge": code_challenge(verifier), "state": state, "redirectUri": CALLBACK}
        url = (await cabinet.data(URL, provider=self.provider, **told))["socialAuthorizationUrl"]
        answer = await agree(url, subject)
        assert answer["state"] == [state]
        return {
            "provider": self.provider,
            "authorizationCode": answer["code"][0],
            "codeVerifier": verifier,
            "redirectUri": CALLBACK,
            "clientMutationId": "mine",
        }

    async def link(self, cabinet: Cabinet, subject: str) -> dict[str, Any]:
        return await call(cabinet, LINK, await self.bring(cabinet, subject))

    async def sign_in(self, cabinet: Cabinet, subject: str) -> dict[str, Any]:
        return await call(cabinet, SIGN_IN, await self.bring(cabinet, subject))


async def agree(url: str, subject: str) -> dict[str, list[str]]:
    """Sign in at the network's pages and consent, as a browser does; gives the query that comes back to us."""
    async with httpx2.AsyncClient() as browser:
        response = await browser.get(url)
        for _ in range(12):
            if response.is_redirect:
                target = urljoin(str(response.url), response.headers["location"])
                if target.startswith(CALLBACK):
                    return parse_qs(urlsplit(target).query)
                response = await browser.get(target)
                continue
            form = {"login": subject, "password": "any", "prompt": _found(r'name="prompt" value="([^"]+)"', response)}
            response = await browser.post(urljoin(str(response.url), _found(r'action="([^"]+)"', response)), data=form)
    raise AssertionError("the network did not send its user back")


def _found(pattern: str, response: httpx2.Response) -> str:
    match = re.search(pattern, response.text)
    assert match, response.text
    return match[1]


async def call(cabinet: Cabinet, mutation: str, given: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(mutation, input=given))["payload"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def accounts(cabinet: Cabinet) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await cabinet.data(ACCOUNTS))["viewer"]["socialAccounts"]
    return found


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A network for the tests that only use it."""
    network = Network(free_port())
    with network.running():
        yield network


Serve = Callable[[Network], Awaitable[Cabinet]]


@pytest.fixture
async def serve(
    app: Starlette,
    settings: Settings,
    profiles: Mapping[str, Profile],
    cabinet: Cabinet,
    database: "asyncpg.Connection[asyncpg.Record]",
    tmp_path: Path,
) -> AsyncIterator[Serve]:
    """Has the application know of a network: `await serve(network)`."""
    async with AsyncExitStack() as stack:

        async def with_network(network: Network) -> Cabinet:
            file = tmp_path / "oidc.toml"
            file.write_text(network.registrations())
            providers = await stack.enter_async_context(social_providers(read_registrations(file, profiles)))
            contexts = Contexts(settings, profiles, LedgerBilling(), app.state.pool, providers, NOBODY)
            app.state.graphql = GraphQLEndpoint(SCHEMA, contexts)
            return cabinet

        usual = app.state.graphql
        yield with_network
        app.state.graphql = usual
    await database.execute("delete from social_account")


@pytest.fixture
async def social(serve: Serve, network: Network) -> Cabinet:
    """The cabinet, with a network to sign in with."""
    return await serve(network)


@pytest.fixture
async def alsu(social: Cabinet, demo_people: dict[str, Any]) -> Cabinet:
    """Somebody of Letai's, signed in by password."""
    return await social.signed_in("letai", demo_people["letai"]["owner"])


@pytest.fixture
async def ruslan(social: Cabinet, demo_people: dict[str, Any]) -> Cabinet:
    """Somebody else of Letai's."""
    return await social.signed_in("letai", demo_people["letai"]["members"][0])


@pytest.fixture
def visitor(social: Cabinet) -> Cabinet:
    """Somebody at Letai's door."""
    return social.of("letai")


@pytest.mark.parametrize("provider", ["VK", "OK"])
async def test_f021_bind_after_signing_in_and_enter_by_one_click(
    alsu: Cabinet,
    visitor: Cabinet,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
    provider: str,
) -> None:
    front = Front(provider)
    bound = await front.link(alsu, "alsu")
    assert bound == {"clientMutationId": "mine", "userErrors": []}
    [account] = await accounts(alsu)
    assert (account["provider"], account["title"]) == (provider, "alsu at the peer")

    entered = await front.sign_in(visitor, "alsu")
    assert entered["userErrors"] == []
    assert entered["session"] == {"current": True, "accessLevel": "FULL"}
    assert entered["viewer"]["user"]["displayName"] == demo_people["letai"]["owner"]["name"]
    assert await accounts(visitor.of("letai", entered["accessToken"])) == [account]

    # The application's loops have events of their own to tell.
    told = await database.fetch(
        """
        select e.action, e.details::text from audit_event e join app_user u on u.id = e.user_id
        where u.operator = 'letai' and e.action <> 'LINK_SUSPENDED' order by e.id
        """
    )
    assert [row["action"] for row in told] == ["SIGNED_IN", "SOCIAL_LINKED", "SIGNED_IN"]
    assert json.loads(told[1]["details"]) == {"provider": provider}
    assert json.loads(told[2]["details"])["method"] == "SOCIAL"


async def test_f021_the_session_comes_in_a_cookie_too(alsu: Cabinet, visitor: Cabinet) -> None:
    await Front().link(alsu, "alsu")
    response = await visitor.post(SIGN_IN, {"input": await Front().bring(visitor, "alsu")})
    assert "hearth_session_letai=" in response.headers["set-cookie"]
    assert "HttpOnly" in response.headers["set-cookie"]


async def test_f021_an_account_that_is_not_bound_opens_nothing(visitor: Cabinet) -> None:
    payload = await Front().sign_in(visitor, "nobody")
    assert payload["accessToken"] is None
    [error] = payload["userErrors"]
    assert (error["__typename"], error["code"]) == ("CredentialsRejected", "BAD_CREDENTIALS")
    assert "bind it first" in error["message"]


async def test_f021_binding_needs_a_session_and_a_full_one(
    alsu: Cabinet, visitor: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    brought = await Front().bring(visitor, "alsu")
    [error] = (await visitor.ask(LINK, input=brought))["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    await database.execute("update session set access_level = 'PARTIAL'")
    assert codes(await call(alsu, LINK, brought)) == ["FORBIDDEN"]
    await database.execute("update session set access_level = 'FULL'")
    # Nobody has asked the network meanwhile: the code still works.
    assert codes(await call(alsu, LINK, brought)) == []


async def test_a_code_works_once(alsu: Cabinet, visitor: Cabinet) -> None:
    brought = await Front().bring(alsu, "alsu")
    assert codes(await call(alsu, LINK, brought)) == []
    assert codes(await call(visitor, SIGN_IN, brought)) == ["BAD_CREDENTIALS"]
    assert codes(await call(alsu, LINK, brought)) == ["BAD_CREDENTIALS"]


async def test_a_stolen_code_is_worth_nothing_without_its_verifier(alsu: Cabinet, visitor: Cabinet) -> None:
    await Front().link(alsu, "alsu")
    stolen = {**await Front().bring(visitor, "alsu"), "codeVerifier": "v" * 43}
    [error] = (await call(visitor, SIGN_IN, stolen))["userErrors"]
    assert (error["code"], error["field"]) == ("BAD_CREDENTIALS", ["authorizationCode"])


async def test_a_code_of_another_client_is_refused(alsu: Cabinet, visitor: Cabinet) -> None:
    await Front().link(alsu, "alsu")
    for theirs in [await Front("VK").bring(visitor.of("beeline"), "alsu"), await Front("OK").bring(visitor, "alsu")]:
        assert codes(await call(visitor, SIGN_IN, {**theirs, "provider": "VK"})) == ["BAD_CREDENTIALS"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"redirectUri": OTHER_CALLBACK}, "redirectUri"),
        ({"redirectUri": CALLBACK + "/"}, "redirectUri"),
        ({"redirectUri": CALLBACK + "?x=1"}, "redirectUri"),
        ({"redirectUri": "https://LK.example.ru/social"}, "redirectUri"),
        ({"redirectUri": ""}, "redirectUri"),
        ({"codeVerifier": "v" * 42}, "codeVerifier"),
        ({"codeVerifier": "v" * 129}, "codeVerifier"),
        ({"codeVerifier": "я" * 43}, "codeVerifier"),
        ({"authorizationCode": ""}, "authorizationCode"),
        ({"authorizationCode": "c" * 2049}, "authorizationCode"),
        ({"authorizationCode": "c\0"}, "authorizationCode"),
    ],
)
async def test_what_is_malformed_or_foreign_does_not_reach_the_network(
    visitor: Cabinet, changed: dict[str, str], field: str
) -> None:
    good = {"provider": "VK", "authorizationCode": "c", "codeVerifier": "v" * 43, "redirectUri": CALLBACK}
    [error] = (await call(visitor, SIGN_IN, {**good, **changed}))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", [field])


@pytest.mark.parametrize(
    "changed",
    [{"redirectUri": OTHER_CALLBACK}, {"codeChallenge": "short"}, {"state": ""}, {"state": "s" * 513}],
)
async def test_the_address_to_go_to_is_given_for_good_arguments_only(visitor: Cabinet, changed: dict[str, str]) -> None:
    good = {"provider": "VK", "redirectUri": CALLBACK, "codeChallenge": "c" * 43, "state": "s"}
    [error] = (await visitor.ask(URL, **{**good, **changed}))["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"


async def test_binding_again_changes_nothing(alsu: Cabinet, database: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert [codes(await Front().link(alsu, "alsu")) for _ in range(2)] == [[], []]
    assert len(await accounts(alsu)) == 1
    assert await database.fetchval("select count(*) from audit_event where action = 'SOCIAL_LINKED'") == 1


async def test_an_account_opens_one_cabinet_only_and_it_is_not_told_whose(alsu: Cabinet, ruslan: Cabinet) -> None:
    await Front().link(alsu, "family")
    [error] = (await Front().link(ruslan, "family"))["userErrors"]
    assert (error["__typename"], error["code"]) == ("SocialAccountTaken", "CONFLICT")
    assert "Алсу" not in error["message"]
    assert await accounts(ruslan) == []


async def test_of_two_who_bind_one_account_at_once_one_wins(alsu: Cabinet, ruslan: Cabinet) -> None:
    everybody = [alsu, ruslan] * 3
    brought = [await Front().bring(cabinet, "family") for cabinet in everybody]
    outcomes = await asyncio.gather(*(call(*each) for each in zip(everybody, [LINK] * 6, brought, strict=True)))
    assert sorted(map(codes, outcomes)) == [[]] * 3 + [["CONFLICT"]] * 3
    assert len(await accounts(alsu)) + len(await accounts(ruslan)) == 1


async def test_an_account_bound_at_one_operator_is_a_stranger_at_another(alsu: Cabinet, social: Cabinet) -> None:
    await Front().link(alsu, "alsu")
    assert codes(await Front().sign_in(social.of("beeline"), "alsu")) == ["BAD_CREDENTIALS"]


@pytest.mark.parametrize(
    ("operator", "provider"), [("tele2", "VK"), ("motiv", "OK"), ("letai", "FACEBOOK"), ("beeline", "GOOGLE")]
)
async def test_f021_a_network_that_the_profile_lacks_is_disabled(
    social: Cabinet, demo_people: dict[str, Any], operator: str, provider: str
) -> None:
    signed_in = await social.signed_in(operator, demo_people[operator]["owner"])
    given = {"provider": provider, "authorizationCode": "c", "codeVerifier": "v" * 43, "redirectUri": CALLBACK}
    flags = (await signed_in.data("{ operator { features { key enabled reason } } }"))["operator"]["features"]
    [flag] = [flag for flag in flags if flag["key"] == f"auth.social_{provider.lower()}"]
    assert not flag["enabled"]
    for mutation in (LINK, SIGN_IN):
        [error] = (await call(signed_in, mutation, given))["userErrors"]
        assert error["__typename"] == "FeatureDisabled"
        assert (error["code"], error["feature"]) == ("FEATURE_DISABLED", flag["key"])
        assert error["message"] == flag["reason"]
    asked = {"provider": provider, "redirectUri": CALLBACK, "codeChallenge": "c" * 43, "state": "s"}
    assert (await signed_in.data(URL, **asked))["socialAuthorizationUrl"] is None


async def test_a_network_that_is_not_set_up_here_says_so(social: Cabinet) -> None:
    given = {"provider": "FACEBOOK", "authorizationCode": "c", "codeVerifier": "v" * 43, "redirectUri": CALLBACK}
    [error] = (await call(social.of("beeline"), SIGN_IN, given))["userErrors"]
    assert (error["__typename"], error["code"]) == ("ProviderUnavailable", "CHANNEL_UNAVAILABLE")


async def test_a_network_that_is_down_changes_nothing_and_one_with_new_keys_is_believed_again(
    serve: Serve, demo_people: dict[str, Any]
) -> None:
    network = Network(free_port())
    social = await serve(network)
    signed_in = await social.signed_in("letai", demo_people["letai"]["owner"])
    with network.running():
        assert codes(await Front().link(signed_in, "alsu")) == []
        brought = await Front().bring(signed_in, "second")
    with capture_logs() as logs:
        for mutation in (LINK, SIGN_IN):
            [error] = (await call(signed_in, mutation, brought))["userErrors"]
            assert (error["__typename"], error["code"]) == ("ProviderUnavailable", "CHANNEL_UNAVAILABLE")
            assert "VK does not answer" in error["message"]
    # Each before the line that every request has.
    assert [entry["event"] for entry in logs] == ["social network unavailable", "request"] * 2
    assert brought["authorizationCode"] not in str(logs)
    assert brought["codeVerifier"] not in str(logs)
    assert [account["title"] for account in await accounts(signed_in)] == ["alsu at the peer"]
    with network.running():
        assert codes(await Front().sign_in(social.of("letai"), "alsu")) == []


async def test_f021_unbound_is_unbound(
    alsu: Cabinet, visitor: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await Front().link(alsu, "alsu")
    [account] = await accounts(alsu)
    assert codes((await alsu.data(UNLINK, id=account["id"]))["payload"]) == []
    assert await accounts(alsu) == []
    assert codes(await Front().sign_in(visitor, "alsu")) == ["BAD_CREDENTIALS"]
    assert codes((await alsu.data(UNLINK, id=account["id"]))["payload"]) == ["NOT_FOUND"]
    assert await database.fetchval("select count(*) from audit_event where action = 'SOCIAL_UNLINKED'") == 1


async def test_unknown_foreign_and_malformed_ids_are_answered_alike(alsu: Cabinet, ruslan: Cabinet) -> None:
    await Front().link(alsu, "alsu")
    [account] = await accounts(alsu)
    viewer_id = (await ruslan.data(ACCOUNTS))["viewer"]["id"]
    answers = [
        (await ruslan.data(UNLINK, id=wrong))["payload"] for wrong in (account["id"], viewer_id, "", "x" * 500, "1")
    ]
    assert all(answer == answers[0] for answer in answers)
    assert codes(answers[0]) == ["NOT_FOUND"]
    assert len(await accounts(alsu)) == 1


async def test_an_account_can_be_asked_for_by_its_id_by_its_owner(
    alsu: Cabinet, ruslan: Cabinet, visitor: Cabinet
) -> None:
    await Front().link(alsu, "alsu")
    [account] = await accounts(alsu)
    node = "query Node($id: ID!) { node(id: $id) { ... on SocialAccount { __typename id provider title linkedAt } } }"
    assert (await alsu.data(node, id=account["id"]))["node"] == account
    for other in (ruslan, visitor):
        assert (await other.data(node, id=account["id"]))["node"] is None


@pytest.fixture
async def without_password(
    demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Takes the password of an operator's owner away, for the life of the test: `await without_password("letai")`."""
    kept: list[tuple[int, str]] = []

    async def take_away(operator: str) -> None:
        row = await database.fetchrow(
            "select u.id, u.password_hash from app_user u join login l on l.user_id = u.id where l.value = $1",
            demo_people[operator]["owner"]["msisdn"],
        )
        assert row is not None
        kept.append((row["id"], row["password_hash"]))
        await database.execute("update app_user set password_hash = null where id = $1", row["id"])

    yield take_away
    for user_id, password_hash in kept:
        await database.execute("update app_user set password_hash = $2 where id = $1", user_id, password_hash)


async def test_the_last_way_in_stays(
    alsu: Cabinet,
    without_password: Callable[[str], Awaitable[None]],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Letai's numbers alone open nothing: without a password, one of the accounts has to stay, however one asks."""
    await Front("VK").link(alsu, "alsu")
    await Front("OK").link(alsu, "alsu")
    await without_password("letai")
    ids = [account["id"] for account in await accounts(alsu)]
    # Both are on their way, and neither has unbound anything yet, when they are let go.
    async with database.transaction():
        await database.execute("select from social_account for update")
        unlinking = asyncio.gather(*(alsu.data(UNLINK, id=id_) for id_ in ids))
        for _ in range(500):
            if await database.fetchval("select count(*) from pg_locks where not granted") >= 2:
                break
            await asyncio.sleep(0.01)
    outcomes = await unlinking
    assert sorted(codes(outcome["payload"]) for outcome in outcomes) == [[], ["CONFLICT"]]
    [account] = await accounts(alsu)
    [error] = (await alsu.data(UNLINK, id=account["id"]))["payload"]["userErrors"]
    assert (error["__typename"], error["field"]) == ("LastWayIn", ["socialAccountId"])
    assert "set a password first" in error["message"]


async def test_where_a_code_by_sms_opens_the_cabinet_the_number_is_a_way_in(
    social: Cabinet, demo_people: dict[str, Any], without_password: Callable[[str], Awaitable[None]]
) -> None:
    signed_in = await social.signed_in("beeline", demo_people["beeline"]["owner"])
    await Front().link(signed_in, "anna")
    await without_password("beeline")
    [account] = await accounts(signed_in)
    assert codes((await signed_in.data(UNLINK, id=account["id"]))["payload"]) == []


async def test_session_that_ended_while_the_network_was_asked_binds_nothing(
    alsu: Cabinet, visitor: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Whoever was thrown out meanwhile must not have left a way in behind."""
    brought = await Front().bring(alsu, "thief")
    async with database.transaction():
        await database.execute("select from app_user where id in (select user_id from session) for update")
        linking = asyncio.create_task(call(alsu, LINK, brought))
        await until_it_waits(database, linking)
        await database.execute("update session set revoked_at = now()")
    assert codes(await linking) == ["FORBIDDEN"]
    assert codes(await Front().sign_in(visitor, "thief")) == ["BAD_CREDENTIALS"]
