"""A ledger with a past: two days, lots won, lost, open and dust, a transfer, a command, a latch, two runs."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.app.ledger import LedgerWriter
from bot.domain.intents import Record, SaveDay, SaveReceipt
from bot.domain.orders import OrderStatus
from bot.engine.state.control import Latch
from shared.control import Command
from shared.documents.control import ReceiptState
from shared.ledger.open import open_writer
from tests.core.harness import D, Rig

DAY_MS = 86_400_000


class Crash(BaseException):
    """The process is gone."""


class Probed:
    """An engine that asks `probe` at the beginning, before and after each commit; it may raise."""

    def __init__(self, engine: Any, probe: Callable[[str], None]) -> None:
        self._engine, self._probe = engine, probe
        self.connect, self.dispose, self.name = engine.connect, engine.dispose, engine.name

    @contextmanager
    def begin(self) -> Any:
        self._probe("begin")
        with self._engine.begin() as db:
            yield db
            self._probe("before commit")
        self._probe("after commit")


# Statements that take a ledger of this program back to what an older one wrote, on both stores.
BACK_TO_0002 = (
    "ALTER TABLE key_values RENAME TO facts",
    "ALTER TABLE activity_log RENAME TO journal",
    "DROP INDEX activity_log_kind", "CREATE INDEX journal_kind ON journal (kind, at_ms)",
    "DROP INDEX activity_log_ref", "CREATE INDEX journal_ref ON journal (ref)",
    "UPDATE alembic_version SET version_num = '0002'",
)  # fmt: skip
BACK_TO_0001 = (
    *BACK_TO_0002,
    "DROP TABLE events",
    "DROP INDEX orders_lot", "DROP INDEX orders_settled",
    "ALTER TABLE orders DROP COLUMN settled", "ALTER TABLE orders DROP COLUMN counted_size",
    "ALTER TABLE orders DROP COLUMN counted_quote",
    "UPDATE alembic_version SET version_num = '0001'",
)  # fmt: skip

POINTS = ("begin", "before commit", "after commit")


class Story:
    """The engine's records of a made-up past, committed as the bot commits them."""

    def __init__(self, writer: LedgerWriter) -> None:
        self.writer = writer
        self.rig = Rig(stop_loss_pct=5.0, pyramid_min_adverse_pct=0.5, pyramid_decay_min_pct=0.1)
        self._done = 0

    def keep(self) -> None:
        """Commit what the engine wanted since the last time, as one transaction."""
        records = [intent for intent in self.rig.intents[self._done :] if isinstance(intent, Record)]
        self._done = len(self.rig.intents)
        if records:
            self.writer.commit(records, self.rig.now_ms)

    def tell(self) -> None:
        """All of it."""
        rig, writer = self.rig, self.writer
        writer.boot_began(rig.now_ms, "build-1")
        writer.fact("mode", "sim", rig.now_ms)
        self.keep()
        won = self._open("1.5", "100", "1.35")
        self._sell(won, ("0.5", "0.7", "0.3"))
        self._open("2.00000001", "90.5", "1.6")
        writer.boot_ended(rig.now_ms)
        rig.price("84")
        self.keep()
        exit_order = next(o.spec for o in rig.view.orders.all() if o.spec.side == "SELL" and not o.settled)
        rig.accept(exit_order)
        self.keep()
        rig.fill(exit_order, "2", "83.99", fee="1.51")
        self.keep()
        rig.seen(exit_order, OrderStatus.FILLED, "2")
        self.keep()
        rig.now_ms += DAY_MS
        rig.tick(2)
        self.keep()
        self._open("0.7", "101.25", "0.6")
        day = rig.view.account.day
        assert day is not None
        writer.commit([SaveDay(replace(day, transfers=day.transfers - D("915.99")))], rig.now_ms)
        command = Command(seq=1, id="c-1", cmd="flatten", at="2026-11-21T12:00:00Z", args={"a": "b"}, by="operator")
        writer.command_seen(command, rig.now_ms)
        writer.commit([SaveReceipt("c-1", ReceiptState.DONE, "flat", {"fills": "2"})], rig.now_ms)
        writer.latch(Latch("kill-1", "operator", rig.now_ms), "a test")
        writer.lift("kill-1", rig.now_ms + 5, "operator")

    def _open(self, size: str, price: str, fee: str) -> Any:
        _, take = self.rig.open_runner(size=size, price=price, fee=fee)
        self.keep()
        if take is not None:
            self.rig.accept(take)
            self.keep()
        return take

    def _sell(self, take: Any, sizes: tuple[str, ...]) -> None:
        for size in sizes:
            self.rig.fill(take, size, str(take.limit_price), fee="0.25")
            self.keep()
        self.rig.seen(take, OrderStatus.FILLED, str(take.base_size))
        self.keep()


def make(path: Path) -> None:
    """The whole story in a ledger at `path`."""
    engine = open_writer(path)
    Story(LedgerWriter(engine, "boot-1")).tell()
    engine.dispose()
