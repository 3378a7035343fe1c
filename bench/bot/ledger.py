"""What the ledger costs: `python -m bench.bot.ledger` (about 30 s; a temporary folder, SQLite with synchronous=FULL).

A round is what a lot writes in its life: the intent of a purchase, its answer, one fill; the intent of its take, its
answer, two fills, the close; each as the transactions that the bot makes of them.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bench.measurement import measured
from bot.app.ledger import LedgerWriter
from bot.domain.day import TradingDay
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.intents import Note, Record, SaveDay, SaveFill, SaveKeyValue, SaveLot, SaveOrder
from bot.domain.kinds import ExitReason, LotKind, OrderKind, Purpose, Side
from bot.domain.lots import Lot, close, open_lot, sell
from bot.domain.order_life import Order, OrderState
from bot.domain.orders import OrderSpec
from shared.ledger.open import open_reader, open_writer
from shared.ledger.replay import replay_files
from shared.ledger.verify import verify

D = Decimal
START_MS = 1_767_268_800_000
SMALL = D("0.00000001")
PRODUCT = Instrument("BTC-USD", "BTC", "USD", SMALL, D("0.01"), D("0.01"), SMALL, D(1000), D(1), D(1_000_000))


class _Rounds:
    """The records of one lot after another; each step is one transaction."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.day = TradingDay("2026-01-01", D(10_000), D(0), D(10_000))
        self.rounds = self.fills = 0

    def next(self) -> Iterator[tuple[str, list[Record]]]:
        """(what, records) of one round: intent, answer, fill."""
        self.rounds += 1
        entry = self._spec(Side.BUY, Purpose.ENTRY, quote_size=D("2000.17"), tp_pct=D("3.8"), lot_kind=LotKind.SCALP)
        yield from self._placed(entry)
        bought = self._fill(entry, D("83261.57"), D("0.02402259"))
        lot = open_lot(bought, self.rounds, LotKind.SCALP, D("3.8"), PRODUCT, 5.0, self.now_ms)
        self.day = replace(self.day.counted("lots_opened"), fees=self.day.fees + bought.fee)
        yield (
            "fill",
            [
                *self._filled(entry, bought, lot.lot_id, bought.base_size),
                SaveLot(lot),
                SaveDay(self.day),
                self._note(lot),
            ],
        )
        take = self._spec(Side.SELL, Purpose.TAKE_PROFIT, base_size=lot.base_left, limit_price=lot.take_price)
        take = replace(take, lot_id=lot.lot_id)
        lot = replace(lot, exit_client_order_id=take.client_order_id)
        yield from self._placed(take, SaveLot(lot))
        yield from self._sold(take, lot)

    def _sold(self, take: OrderSpec, lot: Lot) -> Iterator[tuple[str, list[Record]]]:
        filled = D(0)
        for size in (D("0.01"), lot.base_left - D("0.01")):
            filled += size
            sold = self._fill(take, lot.take_price, size)
            lot = sell(lot, sold, self.now_ms)
            if lot.closed_ms is not None:
                lot = replace(close(replace(lot, base_left=D(0)), self.now_ms), exit_reason=ExitReason.TAKE_PROFIT)
            realized = lot.realized_pnl or D(0)
            self.day = replace(self.day, fees=self.day.fees + sold.fee, realized=self.day.realized + realized)
            yield (
                "fill",
                [*self._filled(take, sold, lot.lot_id, filled), SaveLot(lot), SaveDay(self.day), self._note(lot)],
            )
        yield "answer", [SaveOrder(self._order(take, OrderState.FILLED, take.base_size or D(0)))]

    def _spec(self, side: Side, purpose: Purpose, **more: object) -> OrderSpec:
        number = 2 * self.rounds + (side is Side.SELL)
        kind = OrderKind.LIMIT if purpose is Purpose.TAKE_PROFIT else OrderKind.MARKET
        made = OrderSpec(
            f"ct-main-{number:032x}", "BTC-USD", side, kind, purpose, None, None, None, False, None, D("83261.5")
        )
        return replace(made, **more)  # type: ignore[arg-type]

    def _order(self, spec: OrderSpec, state: OrderState, filled: Decimal = D(0)) -> Order:  # noqa: B008
        self.now_ms += 37
        order_id = None if state is OrderState.NEW else f"5a1c7d2e-{spec.client_order_id[-12:]}"
        return Order(spec, state, self.now_ms, self.now_ms, order_id, filled)

    def _placed(self, spec: OrderSpec, *more: Record) -> Iterator[tuple[str, list[Record]]]:
        self.day = self.day.counted("orders")
        note = Note("order", f"BTC-USD {spec.purpose.value} for 2000.17 USD (scalp)", product_id="BTC-USD")
        yield "intent", [SaveOrder(self._order(spec, OrderState.NEW)), *more, SaveDay(self.day), note]
        yield "answer", [SaveOrder(self._order(spec, OrderState.OPEN))]

    def _fill(self, spec: OrderSpec, price: Decimal, size: Decimal) -> Fill:
        self.fills += 1
        order_id, trade_id = f"5a1c7d2e-{spec.client_order_id[-12:]}", f"9b3e41f0-77aa-4c1e-{self.fills:012x}"
        fee = (price * size * D("0.009")).quantize(D("0.0000000001"))
        return Fill(
            order_id, trade_id, spec.client_order_id, "BTC-USD", spec.side, price, size, fee, "taker", self.now_ms
        )

    def _filled(self, spec: OrderSpec, fill: Fill, lot_id: str, filled: Decimal) -> list[Record]:
        order = self._order(spec, OrderState.OPEN, filled)
        fact = SaveKeyValue("last_add:BTC-USD", str(self.now_ms))
        return [SaveFill(fill, lot_id, self.now_ms), SaveOrder(order), fact]

    def _note(self, lot: Lot) -> Note:
        text = f"BTC-USD scalp opened at {lot.open_price:.8g}, take {lot.take_price}"
        return Note("entry", text, product_id="BTC-USD", ref=lot.lot_id)


def measure(fills: int) -> dict[str, float]:
    """Every figure by name, with its unit in the name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        engine = open_writer(path)
        writer, rounds = LedgerWriter(engine, "bench"), _Rounds()
        spent: dict[str, list[float]] = {"intent": [], "answer": [], "fill": [], "cpu": []}
        writer.commit([SaveDay(rounds.day)], START_MS)
        while rounds.fills < fills:
            for what, records in rounds.next():
                began, began_cpu = time.perf_counter(), time.process_time()
                writer.commit(records, rounds.now_ms)
                spent[what].append(time.perf_counter() - began)
                spent["cpu"].append(time.process_time() - began_cpu)
        engine.dispose()
        return {**_speed(spent), **_size(path, rounds.fills), **_past(path)}


def _speed(spent: dict[str, list[float]]) -> dict[str, float]:
    return {
        "ledger_intent_ms_p50": _ms(spent["intent"], 50),
        "ledger_intent_ms_p99": _ms(spent["intent"], 99),
        "ledger_fill_ms_p50": _ms(spent["fill"], 50),
        "ledger_fill_ms_p99": _ms(spent["fill"], 99),
        "ledger_commit_cpu_ms_p50": _ms(spent["cpu"], 50),  # the same on a busy machine
        "ledger_fills_per_s": round(len(spent["fill"]) / sum(spent["fill"])),
    }


def _ms(seconds: Sequence[float], percent: float) -> float:
    return round(measured(seconds, percent) * 1e3, 3)


def _size(path: Path, fills: int) -> dict[str, float]:
    with open_reader(path).connect() as db:
        query = "SELECT sum(length(data) + length(chain) + length(boot_id) + 12) FROM events"
        journal = int(db.value(query))
    return {
        "ledger_journal_bytes_per_fill": round(journal / fills),
        "ledger_file_bytes_per_fill": round(os.path.getsize(path) / fills),
    }


def _past(path: Path) -> dict[str, float]:
    """A start on it, its check, its replay."""
    began = time.perf_counter()
    engine = open_writer(path)
    LedgerWriter(engine, "next").restore(datetime.now(UTC))
    engine.dispose()
    opened = time.perf_counter()
    findings = [text for verdict in verify(open_reader(path)) for text in verdict.findings]
    verified = time.perf_counter()
    before, after = replay_files(path, path.with_name("again.db"))
    if findings or before != after:
        raise AssertionError(f"the ledger that was measured does not hold: {findings[:3]}")
    return {
        "ledger_open_and_restore_ms": round((opened - began) * 1e3, 1),
        "ledger_verify_s": round(verified - opened, 2),
        "ledger_replay_s": round(time.perf_counter() - verified, 2),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.bot.ledger", description=__doc__)
    parser.add_argument("--fills", type=int, default=10_000, help="fills that are written")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    found = measure(asked.fills)
    if asked.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:32} {value:>12,}\n")


if __name__ == "__main__":
    main()
