"""The bot's real process under virtual time, on an exchange that plays given bars: the third side of the comparison.

Every minute opens at its first second, so an order that the bot sends some seconds after a bar closed meets the next
open, as bars say. Around it the book is without end, half a spread away.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

import simtest.run
import simtest.virtual_venue
from research.data.candles import CandleSet
from research.engine import MarketModel, Prepared
from research.full.tape import DEPTH, BarTape
from shared.money import plain
from simtest.plan import Plan
from simulator.core.bars import SimBar, fold
from simulator.core.fees import Tier
from simulator.inprocess import LocalExchange
from simulator.store import Store

BOOT_S = 40  # before the first bar that counts


class Tape(BarTape):
    """Bars of whole minutes that a client may also ask for."""

    def __init__(self, prepared: Prepared) -> None:
        super().__init__(prepared, through=False)
        steps = np.maximum(np.rint(prepared.steps).astype(np.int64), 1)
        self._volume = {
            one.product_id: dict(zip((prepared.start_s[a:b] // 60).tolist(), steps[a:b].tolist(), strict=True))
            for one, a, b in zip(prepared.candles, prepared.first.tolist(), prepared.end.tolist(), strict=True)
        }

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        found = self._bars[product_id].get(minute)
        return None if found is None else SimBar(*found, self._volume[product_id][minute])

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        minutes = range(start_s // 60, (start_s + seconds) // 60)
        return fold(bar for minute in minutes if (bar := self.minute(product_id, minute)))

    def open_at(self, product_id: str, minute: int) -> int | None:
        found = self._bars[product_id].get(minute)
        return None if found is None else found[0]


class BarVenue(simtest.virtual_venue.VirtualVenue):
    """The rig's exchange; before an order is looked at, the book stands around the minute's open."""

    tape_of_bars: Tape
    half_spread = 1

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        if method == "POST" and target.endswith("/orders"):
            self._move()
            raw = orjson.loads(body)
            if "market_market_ioc" in raw["order_configuration"]:
                self._stand(str(raw["product_id"]))
        return super().request(method, target, headers, body)

    def _stand(self, product_id: str) -> None:
        tick = self.tape_of_bars.open_at(product_id, self.now_us // 60_000_000)
        if tick is None:
            return
        book = self.sim.exchange.venue.markets[product_id].book
        for side in (book.side(True), book.side(False)):
            quote = tick - self.half_spread * side.sign
            for at in [at for at in side.crowd if at * side.sign > quote * side.sign]:
                side.set_crowd(at, 0)
            side.set_crowd(quote, DEPTH * 10**8)


def _exchange(given: Tape, model: MarketModel, *, seed: int, start_us: int, config: Any, tape: Any) -> LocalExchange:
    """As the rig makes its own, with our bars, without limits, one fee tier."""
    del tape
    maker, taker = (round(pct * 10_000) for pct in (model.maker_pct, model.taker_pct))
    rules = config.rules._replace(maker_ppm=maker, taker_ppm=taker, band=0, queue_us=0)
    funds = plain(Decimal(str(model.cash)))
    config = replace(config, rules=rules, funds=funds, levels=40, enforce_rate_limits=False)
    made = LocalExchange(seed=seed, start_us=start_us, config=config, tape=given, store=Store(None))
    venue = made.exchange.venue
    venue.tiers = (Tier("fixed", 0, None, maker, taker),)
    venue.tier = venue.tiers[0]
    return made


@contextmanager
def _bars_for_the_rig(tape: Tape, model: MarketModel) -> Iterator[None]:
    """The rig, given our tape and exchange in the place of its own."""
    kept = (simtest.virtual_venue.synthetic, simtest.virtual_venue.LocalExchange, simtest.run.VirtualVenue)
    venue = type("Bars", (BarVenue,), {"tape_of_bars": tape, "half_spread": model.spread_ticks})
    simtest.virtual_venue.synthetic = lambda *_: tape  # type: ignore[assignment,misc]
    simtest.virtual_venue.LocalExchange = partial(_exchange, tape, model)  # type: ignore[assignment,misc]
    simtest.run.VirtualVenue = venue  # type: ignore[attr-defined,misc]
    try:
        yield
    finally:
        simtest.virtual_venue.synthetic, simtest.virtual_venue.LocalExchange, simtest.run.VirtualVenue = kept  # type: ignore[attr-defined,misc]


def live(
    prepared: Prepared, settings: dict[str, Any], model: MarketModel, history: int, folder: Path, seed: int
) -> list[dict[str, Any]]:
    """Run the bot over bars `history` … end; the lots of its ledger, by product and opening."""
    first_s, bars = int(prepared.start_s[history]), int(prepared.end[0]) - history
    plan = Plan(
        seed=seed, minutes=bars + BOOT_S / 60, mode="return_existing", market="calm",
        products=tuple(one.product_id for one in prepared.candles), start_s=first_s - BOOT_S, rtt_ms=(5, 30),
        full_history=True, settings=settings,
    )  # fmt: skip
    with _bars_for_the_rig(Tape(prepared), model):
        simtest.run.run_plan(plan, folder)
    db = sqlite3.connect(f"file:{folder}/data/ledger.db?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    rows = [dict(row) for row in db.execute("SELECT * FROM lots ORDER BY product_id, opened_ms")]
    db.close()
    return rows


def continuous(g: np.random.Generator, bars: int, product_id: str, sigma: float, start_s: int) -> CandleSet:
    """A random walk in which each bar opens where the one before closed, with wicks; no bar is missing."""
    steps = np.exp(np.cumsum(g.normal(0, sigma, bars * 4)).reshape(bars, 4))
    table = np.maximum(np.rint(500 * steps * 100), 1) / 100
    o, c = np.concatenate([[500.0], table[:-1, 3]]), table[:, 3]
    start = start_s + 60 * np.arange(bars)
    high, low = np.maximum(table.max(axis=1), o), np.minimum(table.min(axis=1), o)
    volume = np.rint(g.gamma(1, 200, bars) + 1) / 100
    return CandleSet(product_id, 60, *(np.ascontiguousarray(x) for x in (start, o, high, low, c, volume)))
