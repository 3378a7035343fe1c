"""A bot without its boot and its exchange: real control file, ledger, gate and engine; time turned by hand."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from bot.app.application import Application
from bot.app.ledger import LedgerWriter
from bot.app.metrics import Samples
from bot.app.ports import RunIdentity
from bot.app.state_documents import state
from bot.app.strategy_port import StrategyAdapter
from bot.app.strategy_worker import StrategyWorker
from bot.domain import events as ev
from bot.domain.balances import Balance, FeeRates
from bot.domain.intents import Action, AskStrategy
from bot.engine.engine import Engine
from bot.engine.ports import StrategyPort
from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.control import ReceiptDoc
from shared.documents.state import BotState, decode_state, encode_state
from shared.documents.status import LEGAL_PAIRS, Phase
from shared.ledger.open import open_writer
from shared.ports import Fs, SystemFs
from shared.settings import Loaded
from tests.core.harness import D, Said, product, quiet_settings

T = TypeVar("T")
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class HandClock:
    """Time that stands until it is turned."""

    def __init__(self) -> None:
        self.at = START
        self.mono_s = 1000.0

    def utc(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.mono_s

    async def sleep(self, seconds: float) -> None:
        self.turn(seconds)
        await asyncio.sleep(0)

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.mono_s += seconds


class CountedRng:
    def __init__(self) -> None:
        self.count = 0

    def uuid4(self) -> uuid.UUID:
        self.count += 1
        return uuid.UUID(int=self.count << 96 | self.count)

    def uniform(self, low: float, high: float) -> float:
        return low


class Inline:
    async def run(self, work: Callable[[], T]) -> T:
        return work()


class NoNet:
    """There is no exchange here."""


class Sent:
    """In the desk's place: keeps what would be carried out, as far as the gate lets it."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.order_ms = Samples()

    def carry_out(self, action: Action) -> None:
        self.actions.append(action)


class AtOnce(StrategyWorker):
    """Answers where it is asked, so that a test needs no turn of the loop."""

    def ask(self, port: StrategyPort, question: AskStrategy) -> None:
        self._dispatch(port.answer(question))
        self.answered.put_nowait(question.instrument.product_id)


class BotRig:
    """`begin()` is a start of the process, `crash()` its end without a word."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = quiet_settings(data_dir=folder, **settings)
        self.settings.paths.prepare()
        self.clock = HandClock()
        self.fs: Fs = SystemFs()
        self.boots = 0
        self.db: Any = None

    def begin(self, *, trading: bool = True, strategy: StrategyAdapter | None = None) -> Application:
        self.boots += 1
        self.crash()
        identity = RunIdentity(f"boot-{self.boots}", "2026-11-20T12:00:00Z", "build", "hash")
        net: Any = NoNet()
        self.bot = bot = Application(
            self.settings, identity, clock=self.clock, rng=CountedRng(), fs=self.fs, net=net, offload=Inline(),
            market_offload=Inline(), strategy_offload=Inline(),
        )  # fmt: skip
        bot.commands.load_settings = lambda: Loaded(self.settings, {})
        bot.answers = AtOnce(Inline(), self.clock, bot.dispatch)
        self.db = open_writer(self.settings.paths.ledger)
        bot.ledger = LedgerWriter(self.db, identity.boot_id)
        bot.restored = bot.ledger.restore(self.clock.utc())
        bot.boot.enter(Phase.INIT, self.clock.utc(), self.clock.monotonic_s())
        bot.commands.restore()
        if trading:
            self.trade(strategy)
        return bot

    def trade(self, strategy: StrategyAdapter | None = None) -> None:
        """The rest of the boot, without an exchange; `strategy`: in place of one that says what it is told to."""
        bot = self.bot
        known = replace(bot.restored, latch=bot.commands.latch)
        self.strategy = Said()
        bot.strategy = strategy
        bot.engine = Engine(self.settings, strategy or self.strategy, known, bot.commands.level, self.clock.utc())
        self.sent = Sent()
        bot.desk = self.sent  # type: ignore[assignment]
        bot.dispatch(ev.InstrumentList((product(),)))
        bot.dispatch(ev.FeeUpdate(FeeRates(D("0.005"), D("0.009"), "Intro 1")))
        bot.dispatch(ev.BalanceReport((Balance("USD", D(10_000), D(0)),), 0))
        bot.synced = True
        bot.dispatch(ev.Tick())
        bot.dispatch(ev.FeedChanged(True, "up"))
        bot.boot.enter(Phase.TRADING, self.clock.utc(), self.clock.monotonic_s())
        bot.dispatch(ev.TradingReady())
        bot.commands.redo_unfinished()

    def crash(self) -> None:
        if self.db is not None:
            self.db.dispose()

    def look(self, times: int = 1, every_s: float = 0.02) -> None:
        """The control poller's beat."""
        for _ in range(times):
            self.clock.turn(every_s)
            self.bot.commands.tick()

    def write(self, data: bytes | str) -> None:
        path = self.settings.paths.control
        path.unlink(missing_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    def state(self) -> BotState:
        """The document as a reader gets it; every one must be legal."""
        found = decode_state(encode_state(state(self.bot)))
        assert found.phase in LEGAL_PAIRS[found.status], (found.status, found.phase)
        return found

    def receipt(self, command_id: str) -> ReceiptDoc:
        return next(receipt for receipt in self.bot.commands.newest() if receipt.id == command_id)


def send(rig: BotRig, cmd: Cmd, **args: str) -> str:
    return send_command(rig.settings.paths, cmd, args, by="operator", now=rig.clock.utc()).id
