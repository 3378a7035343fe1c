"""What the bot held and knew at one moment of its tape, as the backtester's own arrays."""

from decimal import Decimal
from typing import Any

import numpy as np

from bot.rules.exits import stop_ticks, take_ticks
from bot.rules.volatility import log_return_units
from research.data.candles import Ints
from research.engine import at_fees, rules_of
from research.loops import types as t
from shared.money import plain
from shared.settings import Settings

ROOM = 64  # lots of one product; the settings' own limit where that is more
MINUTES = 16_384  # of each product: seven days and what is loaded at the start
NO_ORDER = 99  # a lot that is not judged now


class ReplayAccount:
    """`state` holds lots and money as `research.loops` reads them; `ids[p]` names the lots of product p in order."""

    def __init__(self, settings: Settings, products: dict[str, dict[str, Any]]) -> None:
        self.settings = settings
        self.rules = at_fees(rules_of(settings), settings, settings.fee_rate_pct, settings.fee_rate_pct)
        self.place = {product_id: p for p, product_id in enumerate(products)}
        self.names = list(products)
        count, room = len(products), max(ROOM, settings.max_concurrent_lots + 2)
        self.state = t.LoopState(
            np.zeros((count, room, t.L_SIZE), dtype=np.int64),
            np.zeros((count, room, t.R_SIZE)),
            np.zeros((count, t.P_SIZE), dtype=np.int64),
            np.zeros((count, t.M_SIZE)),
            np.zeros(t.A_SIZE),
            np.zeros(t.K_SIZE, dtype=np.int64),
        )
        self.tick = [float(row["price_increment"]) for row in products.values()]
        self.step = [Decimal(row["base_increment"]) for row in products.values()]
        self.ids: list[list[str]] = [[] for _ in products]
        self.minutes = [0] * count
        self._newest: list[tuple[int, float]] = [(-1, 0.0)] * count
        sums: Ints = np.zeros((2, count * MINUTES), dtype=np.int64)
        empty: Any = np.zeros(0)
        self.tape = t.BarArrays(empty, empty, empty, empty, empty, empty, empty, sums[0], sums[1], empty, empty, empty)
        plain_model = t.Model(
            t.FILL_NEXT_OPEN, 60, 0.0, 0.0, 0, quote_increment=0.01, half_spread_ticks=0, impact=0.0, through=False,
            participation=0.0,
        )  # fmt: skip
        self.models = [plain_model._replace(quote_increment=float(row["quote_increment"])) for row in products.values()]
        for p, row in enumerate(products.values()):
            self.state.money[p, t.M_MOST] = settings.product_cap_usd(self.names[p])
            self.state.money[p, t.M_UNIT] = float(Decimal(row["price_increment"]) * self.step[p])
            self.state.products[p, t.P_FIRST] = p * MINUTES
            if row["price"]:  # as the product list shows it; the first price of the stream comes later
                self.state.products[p, t.P_MARK] = self.ticks(p, row["price"])
            self.state.products[p, t.P_MIN_STEPS] = round(Decimal(row["base_min_size"]) / self.step[p])

    def ticks(self, p: int, price: str) -> int:
        return round(float(price) / self.tick[p])

    def text(self, p: int, ticks: float) -> str:
        """A price as people read it."""
        return plain(Decimal(str(round(ticks * self.tick[p], 10))))

    def fees(self, maker: str, taker: str) -> None:
        """The tier's rates, as fractions."""
        maker_pct, taker_pct = (float(Decimal(rate) * 100) for rate in (maker, taker))
        ppm = round(taker_pct * 10_000)
        self.rules = at_fees(self.rules, self.settings, maker_pct, taker_pct)
        self.models = [m._replace(maker_pct=maker_pct, taker_pct=taker_pct, taker_ppm=ppm) for m in self.models]

    def add_minutes(self, p: int, bars: list[list[float]]) -> None:
        """Closed one-minute bars: what the volatility factor is made of."""
        total, squares, base = self.tape.total, self.tape.squares, p * MINUTES
        for start_s, _, _, _, close, _ in bars:
            newest_s, before = self._newest[p]
            at = self.minutes[p]
            if start_s <= newest_s or at >= MINUTES:
                continue
            value = log_return_units(close, before) if at else 0
            total[base + at] = (total[base + at - 1] if at else 0) + value
            squares[base + at] = (squares[base + at - 1] if at else 0) + value * value
            self._newest[p] = (int(start_s), close)
            self.minutes[p] = at + 1

    def find(self, lot: dict[str, Any]) -> tuple[int, int]:
        """(product, place) of a lot; place -1 where it is not held."""
        p = self.place[lot["product_id"]]
        return p, self.ids[p].index(lot["lot_id"]) if lot["lot_id"] in self.ids[p] else -1

    def adopt(self, lot: dict[str, Any], runner: bool) -> tuple[int, int, float]:
        """Take a new lot in as it was filled; its levels are the rulebook's. Answers (take, stop, open), in ticks."""
        p = self.place[lot["product_id"]]
        self.ids[p].append(lot["lot_id"])
        j = len(self.ids[p]) - 1
        self.state.lots[p, j] = 0
        self.state.products[p, t.P_COUNT] = j + 1
        row = self.state.lots[p, j]
        row[t.L_RUNNER], row[t.L_OPENED_MS] = int(runner), lot["opened_ms"]
        row[t.L_ACTIVE], row[t.L_PEAK] = int(lot["trail_active"]), lot["peak_ticks"]
        return self.resize(p, j, lot)

    def resize(self, p: int, j: int, lot: dict[str, Any]) -> tuple[int, int, float]:
        """A further fill: sizes as the bot has them, levels by the rulebook."""
        row, step = self.state.lots[p, j], self.step[p]
        opened = float(Decimal(lot["cost"]) / Decimal(lot["base_bought"])) / self.tick[p]
        if abs(opened - round(opened)) < 1e-6:
            opened = float(round(opened))
        row[t.L_OPEN] = round(opened)
        row[t.L_STEPS] = round(Decimal(lot["base_bought"]) / step)
        row[t.L_LEFT] = round(Decimal(lot["base_left"]) / step)
        row[t.L_TAKE] = take_ticks(opened, float(lot["tp_pct"]))
        row[t.L_STOP] = stop_ticks(opened, self.settings.stop_loss_pct)
        self._held(p)
        return int(row[t.L_TAKE]), int(row[t.L_STOP]), opened

    def remove(self, p: int, j: int) -> None:
        """The lot is closed; who becomes the runner is for the caller to say."""
        last = len(self.ids[p]) - 1
        for k in range(j, last):
            self.state.lots[p, k] = self.state.lots[p, k + 1]
        self.ids[p].pop(j)
        self.state.products[p, t.P_COUNT] = last
        self._held(p)

    def _held(self, p: int) -> None:
        self.state.products[p, t.P_HELD] = int(self.state.lots[p, : len(self.ids[p]), t.L_LEFT].sum())
