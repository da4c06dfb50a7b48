"""The OpenID Connect relying party on its own: what it believes, and what it bears with, of a provider."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwk, jwt

from domain.sign_in import SocialProvider
from gateways import oidc
from gateways.oidc import (
    AuthorizationCode,
    Identity,
    IdentityRejected,
    Provider,
    ProviderUnavailable,
    Registration,
    code_challenge,
)
from server.failure import StartFailure
from server.social import read_registrations

ISSUER = "https://id.example"
CALLBACK = "https://lk.example.ru/social"
VERIFIER = "v" * 43
BROUGHT = AuthorizationCode("a-code", VERIFIER, CALLBACK)
NOW = 1_800_000_000

KEYS: dict[str, jwk.Key] = {
    "RS256": jwk.RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    "PS256": jwk.RSAKey.generate_key(2048, {"kid": "pss"}),
    "ES256": jwk.ECKey.generate_key("P-256", {"kid": "ec"}),
}
SHARED_SECRET = jwk.OctKey.import_key("shh" * 16, {"kid": "rsa"})

Answer = httpx2.Response | Callable[[httpx2.Request], httpx2.Response]


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token; None takes one out."""
    good = {"iss": ISSUER, "aud": "cabinet", "sub": "alice", "iat": NOW, "exp": NOW + 300, "name": "Алиса", **changed}
    return {name: value for name, value in good.items() if value is not None}


def signed(told: Mapping[str, Any], algorithm: str = "RS256", key: jwk.Key | None = None, **header: Any) -> str:
    key = key or KEYS[algorithm]
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, dict(told), key, algorithms=[algorithm])


class FakeProvider:
    """An identity provider's pages, each of which a test may put another answer in the place of."""

    def __init__(self, token: str = "") -> None:
        self.asked: list[str] = []
        self.form = ""
        self.now = float(NOW)
        self.keys = list(KEYS.values())
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize?tenant=1",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "code_challenge_methods_supported": ["S256"],
        }
        self.pages: dict[str, Answer] = {
            "discovery": lambda _: httpx2.Response(200, json=self.metadata),
            "token": lambda _: httpx2.Response(200, json={"id_token": token}),
            "keys": lambda _: httpx2.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys]}),
        }

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        page = {"/.well-known/openid-configuration": "discovery"}.get(request.url.path, request.url.path.lstrip("/"))
        self.asked.append(page)
        if page == "token":
            self.form = request.content.decode()
        answer = self.pages[page]
        whole = answer if isinstance(answer, httpx2.Response) else answer(request)
        # As from the wire: a body that has still to be read.
        return httpx2.Response(whole.status_code, headers=whole.headers, stream=httpx2.ByteStream(whole.content))

    def relying_party(self, client_secret: str | None = "shh") -> Provider:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))
        return Provider(Registration(ISSUER, "cabinet", (CALLBACK,), client_secret), http, now=lambda: self.now)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
async def test_a_good_token_names_its_subject(algorithm: str) -> None:
    provider = FakeProvider(signed(claims(), algorithm)).relying_party()
    assert await provider.identify(BROUGHT) == Identity("alice", "Алиса")


@pytest.mark.parametrize(
    "good",
    [
        claims(aud=["cabinet"]),
        claims(aud=["cabinet", "another"], azp="cabinet"),
        claims(exp=NOW - 29),
        claims(iat=NOW + 29),
    ],
)
async def test_a_token_for_several_and_a_clock_that_differs_a_little_are_fine(good: dict[str, Any]) -> None:
    assert (await FakeProvider(signed(good)).relying_party().identify(BROUGHT)).subject == "alice"


def tampered() -> str:
    head, _, signature = signed(claims()).split(".")
    body = signed(claims(sub="mallory")).split(".")[1]
    return f"{head}.{body}.{signature}"


def unsigned() -> str:
    return signed(claims()).rpartition(".")[0].replace(signed(claims()).split(".")[0], "eyJhbGciOiJub25lIn0") + "."


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(tampered(), id="tampered"),
        pytest.param(unsigned(), id="unsigned"),
        pytest.param(signed(claims(), key=KEYS["PS256"], kid="rsa"), id="signed with another key"),
        pytest.param(signed(claims(), "HS256", SHARED_SECRET), id="signed with a shared secret"),
        pytest.param(signed(claims(), "RS512", KEYS["RS256"]), id="an algorithm that is not allowed"),
        pytest.param(signed(claims(iss="https://evil.example")), id="another issuer"),
        pytest.param(signed(claims(iss=None)), id="no issuer"),
        pytest.param(signed(claims(aud="another")), id="another client"),
        pytest.param(signed(claims(aud=None)), id="no audience"),
        pytest.param(signed(claims(aud=["cabinet", "another"])), id="several clients and none that asked"),
        pytest.param(signed(claims(azp="another")), id="asked for by another client"),
        pytest.param(signed(claims(exp=NOW - 31)), id="expired"),
        pytest.param(signed(claims(exp=None)), id="without an end"),
        pytest.param(signed(claims(iat=NOW + 31)), id="from the future"),
        pytest.param(signed(claims(iat=None)), id="without a beginning"),
        pytest.param(signed(claims(sub=None)), id="about nobody"),
        pytest.param(signed(claims(sub="")), id="about an empty name"),
        pytest.param(signed(claims(sub="x" * 256)), id="a subject that is too long"),
        pytest.param(signed(claims(nonce="of another sign-in")), id="another nonce"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="no token at all"),
        pytest.param("я" * 30, id="not even ASCII"),
    ],
)
async def test_a_token_that_proves_nothing_is_rejected(token: str) -> None:
    with pytest.raises(IdentityRejected) as rejected:
        await FakeProvider(token).relying_party().identify(BROUGHT)
    assert not token or token not in str(rejected.value)


async def test_the_nonce_comes_back_where_the_provider_does_not_check_the_verifier() -> None:
    fake = FakeProvider(signed(claims()))
    fake.metadata.pop("code_challenge_methods_supported")
    provider = fake.relying_party()
    with pytest.raises(IdentityRejected, match="another sign-in"):
        await provider.identify(BROUGHT)
    url = httpx2.URL(await provider.authorization_url(CALLBACK, code_challenge(VERIFIER), "a state"))
    fake.pages["token"] = httpx2.Response(200, json={"id_token": signed(claims(nonce=url.params["nonce"]))})
    assert (await provider.identify(BROUGHT)).subject == "alice"


async def test_the_authorization_url_asks_for_all_that_protects_the_code() -> None:
    url = httpx2.URL(await FakeProvider().relying_party().authorization_url(CALLBACK, "c" * 43, "a&state"))
    asked = dict(url.params)
    assert (url.host, url.path) == ("id.example", "/authorize")
    assert len(asked.pop("nonce")) == 43
    assert asked == {
        "tenant": "1",
        "client_id": "cabinet",
        "response_type": "code",
        "scope": "openid profile",
        "redirect_uri": CALLBACK,
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        "state": "a&state",
    }


async def test_an_unknown_key_is_looked_for_once_and_known_ones_are_kept() -> None:
    fake = FakeProvider(signed(claims()))
    fake.keys = [KEYS["ES256"]]
    provider = fake.relying_party()
    with pytest.raises(IdentityRejected):
        await provider.identify(BROUGHT)
    assert fake.asked == ["discovery", "token", "keys", "keys"]
    fake.asked.clear()
    fake.keys = [KEYS["RS256"]]
    assert (await provider.identify(BROUGHT)).subject == "alice"
    assert (await provider.identify(BROUGHT)).subject == "alice"
    assert fake.asked == ["token", "keys", "token"]


async def test_what_is_published_is_asked_for_again_after_an_hour() -> None:
    fake = FakeProvider(signed(claims(exp=NOW + 9000)))
    provider = fake.relying_party()
    await provider.identify(BROUGHT)
    fake.asked.clear()
    fake.now += 3600
    await provider.identify(BROUGHT)
    assert fake.asked == ["discovery", "token", "keys"]


async def test_keys_that_are_not_ours_to_use_do_no_harm() -> None:
    odd = [{"kty": "AKP"}, {"kty": "RSA", "n": "!"}, {}, {**KEYS["RS256"].as_dict(private=False), "use": "enc"}]
    good = KEYS["RS256"].as_dict(private=False)
    fake = FakeProvider(signed(claims()))
    fake.pages["keys"] = httpx2.Response(200, json={"keys": [*odd, good]})
    assert (await fake.relying_party().identify(BROUGHT)).subject == "alice"


async def test_a_confidential_client_shows_its_secret_in_the_header_only() -> None:
    fake = FakeProvider(signed(claims()))
    seen: list[str | None] = []
    good = fake.pages["token"]
    assert callable(good)

    def token(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("authorization"))
        return good(request)

    fake.pages["token"] = token
    await fake.relying_party("s:h h").identify(BROUGHT)
    assert "client_id" not in fake.form
    await fake.relying_party(None).identify(BROUGHT)
    assert "client_id=cabinet" in fake.form
    assert seen == ["Basic Y2FiaW5ldDpzJTNBaCUyMGg=", None]  # cabinet:s%3Ah%20h


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_request"])
async def test_a_refused_code_is_the_codes_fault(error: str) -> None:
    fake = FakeProvider()
    fake.pages["token"] = httpx2.Response(400, json={"error": error})
    with pytest.raises(IdentityRejected):
        await fake.relying_party().identify(BROUGHT)


def _unreachable(_: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused: a-code")


@pytest.mark.parametrize("page", ["discovery", "token", "keys"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_unreachable, id="unreachable"),
        pytest.param(httpx2.Response(500, text="<h1>Oops</h1>"), id="broken"),
        pytest.param(httpx2.Response(200, text="<h1>Maintenance</h1>"), id="not JSON"),
        pytest.param(httpx2.Response(200, json=["a list"]), id="no object"),
        pytest.param(httpx2.Response(200, json={}), id="empty"),
        pytest.param(httpx2.Response(200, json={"keys": "k", "id_token": 5}), id="of other types"),
        pytest.param(httpx2.Response(302, headers={"location": "https://evil.example"}, json={}), id="elsewhere"),
        pytest.param(httpx2.Response(401, json={"error": "invalid_client"}), id="does not know us"),
        pytest.param(httpx2.Response(200, json={"x": "y" * 300_000}), id="too long"),
    ],
)
async def test_a_provider_that_makes_no_sense_is_unavailable(page: str, answer: Answer) -> None:
    fake = FakeProvider(signed(claims()))
    fake.pages[page] = answer
    with pytest.raises(ProviderUnavailable) as problem:
        await fake.relying_party().identify(BROUGHT)
    assert "a-code" not in str(problem.value)


async def test_a_provider_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "PATIENCE_SECONDS", 0.05)

    async def hang(_: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(30)
        raise AssertionError("nobody waited")

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(hang))
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="discovery: TimeoutError"):
        await Provider(Registration(ISSUER, "cabinet", (CALLBACK,)), http).identify(BROUGHT)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"issuer": f"{ISSUER}/"},
        {"token_endpoint": "http://id.example/token"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "https://["},
    ],
)
async def test_a_discovery_document_that_would_lead_astray_is_not_followed(changed: dict[str, Any]) -> None:
    fake = FakeProvider(signed(claims()))
    fake.metadata.update(changed)
    with pytest.raises(ProviderUnavailable, match="discovery"):
        await fake.relying_party().identify(BROUGHT)
    assert fake.asked == ["discovery"]


def test_codes_and_secrets_are_in_no_repr() -> None:
    assert "a-code" not in repr(BROUGHT)
    assert VERIFIER not in repr(BROUGHT)
    assert "shh" not in repr(Registration(ISSUER, "cabinet", (CALLBACK,), "shh"))


def test_registrations_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "oidc.toml"
    file.write_text(f'[letai.VK]\nissuer = "{ISSUER}"\nclient_id = "cabinet"\nredirect_uris = ["{CALLBACK}"]\n')
    expected = {("letai", SocialProvider.VK): Registration(ISSUER, "cabinet", (CALLBACK,))}
    assert read_registrations(file, ["letai"]) == expected
    assert read_registrations(None, ["letai"]) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[letai.VK]\nclient_secret = "hush"', "letai.VK.issuer: Field required"),
        ('[letai.MYSPACE]\nissuer = "x"', "letai.MYSPACE"),
        (
            '[letai.VK]\nissuer = "http://id.example"\nclient_id = "c"\nclient_secret = "hush"\nredirect_uris = ["x"]',
            "letai.VK: issuer must be an https URL",
        ),
        (f'[letai.VK]\nissuer = "{ISSUER}"\nclient_id = "c"\nredirect_uris = []', "at least one address"),
        (
            f'[letai.VK]\nissuer = "{ISSUER}"\nclient_id = "c"\nredirect_uris = ["x"]\nclient_sceret = "hush"',
            "client_sceret",
        ),
        (f'[acme.VK]\nissuer = "{ISSUER}"\nclient_id = "c"\nredirect_uris = ["x"]', "acme"),
        ("[letai", "cannot be read"),
    ],
)
def test_a_broken_file_is_named_with_the_place_and_without_the_secret(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "oidc.toml"
    file.write_text(text)
    with pytest.raises(StartFailure) as failure:
        read_registrations(file, ["letai"])
    assert reason in str(failure.value)
    assert "hush" not in str(failure.value)
