"""GraphiQL as a newcomer meets it, in a real browser that can reach nothing but this machine."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from tests.sockets import top_up

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A request to any other host fails at once instead of quietly reaching the internet.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
# Tall, because the editors put only those lines into the page that can be seen.
WINDOW = ViewportSize(width=1440, height=1800)


# Playwright's loop counts as running for as long as its fixture lives. It lives no longer than this file,
# so that the async tests and fixtures of others still find a thread without a running loop.
@pytest.fixture(scope="module")
def chromium(hearth_server: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, hearth_server: str) -> Iterator[Page]:
    """GraphiQL, open and loaded. Whatever a test does, nothing may leave this machine or log an error."""
    context = chromium.new_context(base_url=hearth_server, viewport=WINDOW)
    foreign: list[str] = []
    errors: list[str] = []
    # The context sees the requests of the workers too, which the page does not.
    context.on("request", lambda request: foreign.extend(foreign_addresses(request.url)))
    page = context.new_page()
    page.on("websocket", lambda socket: foreign.extend(foreign_addresses(socket.url)))
    page.on("console", lambda message: errors.extend([message.text] if message.type == "error" else []))
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto("/graphiql")
    expect(operation_editor(page)).to_contain_text("query Dashboard")
    yield page

    context.close()
    assert foreign == []
    assert errors == []


def foreign_addresses(url: str) -> list[str]:
    """The address, if it belongs to another machine; `data:` and `blob:` never leave the page."""
    address = urlsplit(url)
    own = address.scheme in {"data", "blob"} or address.hostname == "127.0.0.1"
    return [] if own else [url]


def operation_editor(page: Page) -> Locator:
    return page.get_by_role("region", name="Operation Editor")


def response_pane(page: Page) -> Locator:
    return page.locator(".graphiql-response")


def bar(page: Page) -> Locator:
    return page.get_by_role("banner")


def signed_in(page: Page) -> Locator:
    return bar(page).get_by_role("status")


def sign_in_as_owner(page: Page) -> None:
    bar(page).get_by_role("button", name="Sign in as the demo owner").click()
    expect(bar(page).get_by_role("button", name="Sign out")).to_be_visible()


def operator_selector(page: Page) -> Locator:
    return bar(page).get_by_role("combobox", name="Operator")


def ask(page: Page, query: str) -> dict[str, Any]:
    """Asks the API directly, with the session and the operator the page has."""
    headers = {"X-Operator": operator_selector(page).input_value()}
    answer = page.request.post("/graphql", data={"query": query}, headers=headers)
    data: dict[str, Any] = answer.json()["data"]
    return data


HOUSEHOLD = "{ viewer { household { name } linkedNumbers(first: 1) { edges { node { msisdn } } } } }"


def test_one_click_signs_the_demo_owner_in_and_shows_the_dashboard(page: Page) -> None:
    sign_in_as_owner(page)

    viewer = ask(page, HOUSEHOLD)["viewer"]
    expect(signed_in(page)).to_contain_text(viewer["household"]["name"])
    expect(response_pane(page)).to_contain_text(viewer["household"]["name"])
    expect(response_pane(page)).to_contain_text(viewer["linkedNumbers"]["edges"][0]["node"]["msisdn"])


def test_the_dashboard_runs_on_the_play_button_too(page: Page) -> None:
    page.get_by_role("button", name="Execute query").click()

    expect(response_pane(page)).to_contain_text('"viewer": null')


def test_every_pane_works_without_any_other_host(page: Page) -> None:
    """The `page` fixture holds the assertion; this test makes the page load all it has."""
    sign_in_as_owner(page)
    for pane in ("Documentation Explorer", "Examples", "GraphiQL Explorer", "History"):
        if (button := page.get_by_role("button", name=f"Show {pane}")).count():
            button.click()
        expect(page.get_by_role("button", name=f"Hide {pane}")).to_be_visible()
    # Prettifying loads a formatter on demand, settings and the shortcuts open dialogs of their own.
    page.get_by_role("button", name="Prettify query").click()
    page.get_by_role("button", name="Open settings dialog").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.wait_for_load_state("networkidle")


def test_another_operator_has_people_of_its_own(page: Page) -> None:
    sign_in_as_owner(page)

    operator_selector(page).select_option("life")
    expect(signed_in(page)).to_contain_text("Not signed in")
    sign_in_as_owner(page)

    household = ask(page, HOUSEHOLD)["viewer"]["household"]["name"]
    expect(signed_in(page)).to_contain_text(household)
    page.reload()
    expect(operator_selector(page)).to_have_value("life")
    expect(signed_in(page)).to_contain_text(household)


def test_another_member_signs_in_from_the_menu(page: Page) -> None:
    demo = page.request.get("/dev/demo").json()
    members = demo[operator_selector(page).input_value()]["members"]
    member = next(member for member in members if member.get("password"))

    bar(page).get_by_role("button", name="Sign in as…").click()
    page.get_by_role("menuitem").filter(has_text=member["msisdn"]).click()

    expect(bar(page).get_by_role("button", name="Sign out")).to_be_visible()
    name = ask(page, "{ viewer { user { displayName } } }")["viewer"]["user"]["displayName"]
    expect(signed_in(page)).to_contain_text(name)


def test_an_example_opens_in_a_tab_of_its_own_and_runs(page: Page) -> None:
    sign_in_as_owner(page)
    page.get_by_role("region", name="Examples").get_by_role("button", name="One number").click()

    expect(page.get_by_role("tab")).to_have_count(2)
    expect(page.get_by_role("tab", name="OneNumber")).to_be_visible()
    expect(operation_editor(page)).to_contain_text("query OneNumber")
    page.get_by_role("button", name="Execute query").click()
    expect(response_pane(page)).to_contain_text('"msisdn"')
    page.get_by_role("tab", name="Dashboard").click()
    expect(operation_editor(page)).to_contain_text("query Dashboard")


def test_a_balance_is_seen_to_change(page: Page, process_database: str) -> None:
    """A subscription in GraphiQL: over a socket, with the page's cookie and operator."""
    sign_in_as_owner(page)
    demo = page.request.get("/dev/demo").json()
    msisdn = demo[operator_selector(page).input_value()]["owner"]["msisdn"]
    page.get_by_role("region", name="Examples").get_by_role("button", name="Balances as they change").click()
    expect(operation_editor(page)).to_contain_text("subscription BalanceLive")
    page.get_by_role("button", name="Execute query").click()
    expect(response_pane(page)).to_contain_text('"balanceChanged"')

    amount = elsewhere(with_much_more_money(process_database, msisdn))

    expect(response_pane(page)).to_contain_text(f'"amount": "{amount}"')
    page.get_by_role("button", name="Stop query").click()


def elsewhere(work: Coroutine[Any, Any, Decimal]) -> Decimal:
    """Run something async in a thread of its own: Playwright's loop counts as running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def with_much_more_money(url: str, msisdn: str) -> Decimal:
    """Put an amount on the number's account that no other line has; gives the balance then."""
    connection = await asyncpg.connect(url)
    try:
        account = await connection.fetchval("select account_id from line where msisdn = $1", msisdn)
        await top_up(connection, account, 12_345_600)
        balance = await connection.fetchval("select balance from ledger_account where account_id = $1", account)
        return (Decimal(balance) / 100).quantize(Decimal("0.01"))
    finally:
        await connection.close()


def test_signing_out_leaves_no_viewer(page: Page) -> None:
    sign_in_as_owner(page)
    bar(page).get_by_role("button", name="Sign out").click()

    expect(signed_in(page)).to_contain_text("Not signed in")
    expect(response_pane(page)).to_contain_text('"viewer": null')
    assert ask(page, "{ viewer { id } }") == {"viewer": None}


def test_the_documentation_describes_the_schema(page: Page) -> None:
    description = ask(page, '{ __type(name: "Viewer") { description } }')["__type"]["description"]

    page.get_by_role("button", name="Show Documentation Explorer").click()
    docs = page.get_by_role("region", name="Documentation Explorer")
    docs.get_by_role("link", name="Query", exact=True).click()
    docs.get_by_role("link", name="Viewer", exact=True).click()

    expect(docs).to_contain_text(description.splitlines()[0])
