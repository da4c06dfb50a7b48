"""What outlives a kill: the bank as a process, and the development server that keeps it running."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from domain.money import CurrencyCode, Money
from gateways.payments import (
    KnownOutcome,
    NoProvider,
    PaymentProvider,
    ProviderFailed,
    Refunded,
    Token,
)
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.journal import Journal, charges
from gateways.simulators.bank.records import Behaviour, Card
from server.bank_process import BankBeside, journal_file, local_bank
from server.payment_gateway import payment_provider
from server.settings import Settings
from tests.bank import HOME, charge, ref, refund_of
from tests.conftest import ROOT, SECRET, free_port
from tests.test_run import soon

RUB = CurrencyCode.RUB
URL = "postgresql://hearth@127.0.0.1/hearth"


async def test_journal_gives_everything_back(tmp_path: Path) -> None:
    file = tmp_path / "journal.ndjson"
    journal = Journal(file)
    bank = Bank(journal)
    provider = InProcessBank(bank)
    own = bank.make_token(Card("Own", last_four="7777"))
    bank.control(Behaviour(notify_after=60))
    asked = [charge(own, save_method=True), charge(hold=True), charge(return_url=HOME, always_confirm=True)]
    for each in asked:
        await provider.charge(each)
    refund = refund_of(asked[0], 750, "refund-1")
    await provider.refund(refund)
    journal.close()
    # A line that was being written when the process died.
    with file.open("ab") as torn:
        torn.write(b'{"at": 1, "paym')

    journal = Journal(file)
    again = Bank(journal)
    for each in asked:
        assert again.payment(each.key) == bank.payment(each.key)
        assert not again.charge(bank_order(bank, each.key))[1], "a repetition is no second charge"
    assert again.card(own, None) == bank.card(own, None)
    assert again.card(None, f"pm_{asked[0].key}") is not None
    assert again.untold() == bank.untold()
    assert again.everybody == bank.everybody
    assert charges(file) == {asked[0].key: Money(15000, RUB)}
    assert isinstance(await InProcessBank(again).refund(refund), Refunded)
    assert charges(file) == {asked[0].key: Money(15000, RUB)}
    journal.close()


def bank_order(bank: Bank, key: str) -> Any:
    payment = bank.payment(key)
    assert payment is not None
    return payment.order


class BankProcess:
    """`hearth bank` in a data directory."""

    def __init__(self, data: Path, port: int) -> None:
        self.settings = Settings(env="development", data=data, secret=SECRET, port=port, database_url=URL)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")},
            "PYTHONPATH": str(ROOT),
            "HEARTH_DATA": str(data),
            "HEARTH_SECRET": SECRET,
            "PORT": str(port),
        }
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "server.cli", "bank"]
        self.process = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert b"Bank simulator at" in self.process.stdout.readline()

    def second(self) -> subprocess.CompletedProcess[bytes]:
        """One more on the same directory."""
        command = [sys.executable, "-P", "-m", "server.cli", "bank"]
        return subprocess.run(command, env=self._environment, capture_output=True, timeout=20, check=False)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


async def test_bank_that_is_killed_again_and_again_charges_each_key_once(tmp_path: Path) -> None:
    bank = await asyncio.to_thread(BankProcess, tmp_path, free_port())
    asked = [charge(minor=1000 + number) for number in range(40)]
    first: dict[str, KnownOutcome] = {}

    async def pay(provider: PaymentProvider, each: Any) -> None:
        while True:
            try:
                outcome = await provider.charge(each)
            except ProviderFailed:
                await asyncio.sleep(0.05)
                continue
            assert first.setdefault(each.key, outcome) == outcome
            return

    try:
        account = local_bank(bank.settings)
        assert account is not None
        refused = await asyncio.to_thread(bank.second)
        assert (refused.returncode, b"runs on this data directory already" in refused.stderr) == (1, True)
        async with payment_provider(bank.settings) as provider:
            for round_ in range(4):
                paying = [asyncio.create_task(pay(provider, each)) for each in asked[: 10 * (round_ + 1)]]
                await asyncio.wait(paying, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.to_thread(bank.kill)
                await asyncio.to_thread(bank.start)
                await asyncio.gather(*paying)
            assert local_bank(bank.settings) == account, "links to its pages outlive it"
        assert charges(journal_file(bank.settings)) == {each.key: each.amount for each in asked}
    finally:
        bank.process.kill()
        bank.process.wait()


async def test_without_a_provider_nothing_is_paid(tmp_path: Path) -> None:
    production = Settings(env="production", data=tmp_path, secret=SECRET, database_url=URL)
    async with payment_provider(production) as provider:
        for call in (provider.charge(charge()), provider.query(ref(charge())), provider.method_details(Token("t"))):
            with pytest.raises(NoProvider):
                await call


@pytest.fixture
def development(tmp_path: Path) -> Settings:
    return Settings(env="development", data=tmp_path, secret=SECRET, port=free_port(), database_url=URL)


def answers(address: str | None) -> bool:
    """Whether the bank is there; while it starts, who asks waits."""
    assert address is not None
    return httpx2.get(address, timeout=20, trust_env=False).status_code == 200


def test_bank_beside_the_server_is_started_again_and_taken_over(
    development: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HEARTH_SECRET", SECRET)
    with BankBeside(development) as first:
        address = first.address
        assert answers(address)
        with BankBeside(development) as second:
            assert second.address == address
            assert not second.keep_running(), "one bank is enough"
            os.kill(first.process_id or 0, signal.SIGKILL)
            assert soon(first.keep_running)
            assert answers(address)
            first.__exit__(None, None, None)
            assert soon(second.keep_running)
            assert second.address == address, "links to its pages outlive it"
            assert answers(address)


def test_bank_goes_with_the_server_that_ran_it(development: Settings) -> None:
    code = (
        "import sys, time; from pathlib import Path; from server.settings import Settings;"
        "from server.bank_process import BankBeside;"
        f"settings = Settings(env='development', data=Path({str(development.data)!r}), port={development.port},"
        f" secret={SECRET!r}, database_url={URL!r});"
        "bank = BankBeside(settings); bank.keep_running();"
        "print(bank.process_id, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HEARTH_SECRET": SECRET}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    bank = int(parent.stdout.readline())
    account = local_bank(development)
    assert account is not None
    assert answers(account.url)
    parent.kill()
    parent.wait()
    assert soon(lambda: not is_alive(bank))


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody buries is dead too.
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
