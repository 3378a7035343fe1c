"""A writer of the bot's files for tests: it makes the documents that a bot would make, and answers commands.

`python -m tests.dashboard.writer FOLDER SCENARIO` runs it until it is ended.
"""

import fcntl
import math
import os
import random
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson

from shared.command_table import Cmd
from shared.control import ControlFile, TradingState, decode_control, refusal
from shared.documents.account import AccountDoc, LotDoc, OrderDoc, PositionDoc
from shared.documents.control import ControlDoc, KillDoc, ReceiptDoc, ReceiptState
from shared.documents.events import EventDoc
from shared.documents.feeds import ChannelDoc, FeedsDoc, IoDoc, MetricsDoc
from shared.documents.market import DepthDoc, MarketDoc, MinuteDoc, Quote
from shared.documents.risk import (
    AdjustedDoc,
    AuditDoc,
    GateDoc,
    GatesDoc,
    GateVerdict,
    LimitDoc,
    ProductGatesDoc,
    RiskDoc,
)
from shared.documents.state import BotState, encode_state
from shared.documents.status import BootStep, Phase, Status, StepState
from shared.documents.strategy import ModelDoc, ScoreDoc, SignalDoc, StrategyDoc, StrategySettingDoc
from shared.files import TolerantReader, write_whole
from shared.ledger.open import open_writer
from shared.ledger.schema import activity_log, commands, days, fills, lots, orders
from shared.market_data import CandleRow, EquityRow, open_market_writer, put_candles
from shared.paths import DataPaths
from shared.times import epoch_ms, iso_seconds
from shared.verdict import PartDoc, PartState, VerdictDoc
from tests.ledger_rows import put

PRICES = {
    "BTC-USD": 113962.18, "ETH-USD": 4096.32, "SOL-USD": 199.58, "ADA-USD": 0.8123, "DOGE-USD": 0.24117,
    "LTC-USD": 97.44, "LINK-USD": 22.131, "AVAX-USD": 31.77, "DOT-USD": 7.251, "XRP-USD": 2.8841,
}  # fmt: skip
INCREMENT = {"BTC-USD": "0.01", "ETH-USD": "0.01", "SOL-USD": "0.01", "ADA-USD": "0.0001", "DOGE-USD": "0.00001"}
MAKER, TAKER = 0.50, 0.90


def lot_id(n: int) -> str:
    return f"ct-main-{uuid.UUID(int=random.Random(n).getrandbits(128)).hex}"


def lot(n: int, product: str, kind: str, move_pct: float, now: datetime, age_s: float, usd: float = 940.0) -> LotDoc:
    """One lot whose price moved by `move_pct` since it was opened."""
    mark = PRICES[product]
    opened = mark / (1 + move_pct / 100)
    size = round(usd / opened, 8)
    fee = usd * TAKER / 100
    take = opened * (1.038 if kind == "runner" else 1.019)
    inc = INCREMENT.get(product, "0.001")
    digits = max(0, -int(Decimal(inc).as_tuple().exponent))
    value = size * mark
    trailing = kind == "runner" and move_pct > 1.9
    at = now - timedelta(seconds=age_s)
    return LotDoc(
        lot_id=lot_id(n),
        kind=kind,
        product_id=product,
        opened_at=iso_seconds(at),
        opened_ms=epoch_ms(at),
        open_price=opened,
        open_price_text=f"{opened:.{digits}f}",
        base_size=size,
        base_size_text=f"{size:.8f}",
        value_usd=value,
        cost_usd=size * opened + fee,
        entry_fee_usd=fee,
        unrealized_pnl=value * (1 - MAKER / 100) - size * opened - fee,
        fees_paid_usd=fee,
        bought_usd=size * opened + fee,
        unrealized_pct=move_pct,
        take_price=take,
        take_price_text=f"{take:.{digits}f}",
        break_even_price=opened * (1 + TAKER / 100) / (1 - MAKER / 100),
        trail_active=trailing,
        trail_peak=mark * 1.001 if trailing else None,
        trail_stop=mark * 0.9966 if trailing else None,
        exit_state="resting",
    )


def position(product: str, held: list[LotDoc]) -> PositionDoc:
    mark = PRICES[product]
    return PositionDoc(
        symbol=product.split("-")[0],
        product_id=product,
        base_size=sum(x.base_size for x in held),
        size_usd=sum(x.value_usd or 0 for x in held),
        cost_usd=sum(x.cost_usd for x in held),
        unrealized_pnl=sum(x.unrealized_pnl or 0 for x in held),
        lots=held,
        base_size_text=f"{sum(x.base_size for x in held):.8f}",
        mark=mark,
        mark_source="trade",
        mark_age_ms=210,
        price_increment_text=INCREMENT.get(product, "0.001"),
        exchange_base_text=f"{sum(x.base_size for x in held) + 0.00000042:.8f}",
        difference_text="0.00000042",
    )


def depth_of(product: str, now_ms: int) -> DepthDoc:
    """Twenty levels a side about the price, thinner at the touch."""
    rng, mark, inc = (
        random.Random(product + str(now_ms // 1000)),
        PRICES[product],
        float(INCREMENT.get(product, "0.001")),
    )
    step = max(inc, round(mark * 0.00008 / inc) * inc)

    def side(sign: int) -> list[list[float]]:
        return [
            [round(mark + sign * step * (i + 0.5 + rng.random() / 3), 8), round(rng.expovariate(1) * 2000 / mark, 6)]
            for i in range(20)
        ]

    return DepthDoc(product_id=product, bids=side(-1), asks=side(1), at_ms=now_ms - 40)


FEATURES = (
    "return_1", "return_5", "rsi_14", "sma_gap_10_30", "zscore_20", "volatility_20", "volume_zscore_20", "range",
    "momentum_15", "momentum_60",
)  # fmt: skip


def models(products: list[str], now: datetime) -> list[ModelDoc]:
    """Fitted models as the logistic strategy publishes them: one with some skill, one without."""
    out = []
    for i, product in enumerate(products):
        rng = random.Random(product)
        bins = [[0.44 + 0.013 * b, 0.41 + 0.018 * b + rng.gauss(0, 0.02 if i else 0.01), 100] for b in range(10)]
        out.append(
            ModelDoc(
                product_id=product, features=list(FEATURES), weights=[round(rng.gauss(0, 0.2), 5) for _ in FEATURES],
                intercept=-0.021, rows=4940, fitted_at=iso_seconds(now.replace(second=0)), fits=211,
                score=ScoreDoc(count=1000, hit_rate=0.534 - 0.02 * i, base_rate=0.497, brier=0.2471 + 0.002 * i,
                               base_brier=0.25, log_loss=0.6873 + 0.004 * i, bins=bins),
            )
        )  # fmt: skip
    return out


SIX = (
    ("BTC-USD", "runner", -0.37, 273_000), ("BTC-USD", "scalp", 0.77, 140_000), ("BTC-USD", "scalp", 1.43, 14_760),
    ("ETH-USD", "runner", 0.62, 158_000), ("ETH-USD", "scalp", 1.86, 8_000), ("SOL-USD", "runner", 2.08, 15_000),
)  # fmt: skip


def positions_of(scenario: str, now: datetime) -> list[PositionDoc]:
    if scenario == "empty":
        return []
    if scenario == "one":
        return [position("BTC-USD", [lot(1, "BTC-USD", "runner", 0.42, now, 320)])]
    if scenario == "many":
        rng = random.Random(7)
        out = []
        for p, product in enumerate(PRICES):
            rows = [lot(p * 100, product, "runner", rng.uniform(-3, 6), now, 9e5)]
            rows += [lot(p * 100 + i, product, "scalp", rng.uniform(-6, 1.9), now, rng.uniform(60, 8e5), 55)
                     for i in range(1, 20)]  # fmt: skip
            out.append(position(product, rows))
        return out
    by_product: dict[str, list[LotDoc]] = {}
    for i, (product, kind, move, age_s) in enumerate(SIX):
        by_product.setdefault(product, []).append(lot(170 + i, product, kind, move, now, age_s))
    return [position(product, rows) for product, rows in by_product.items()]


def gates(products: list[str], now: datetime) -> GatesDoc:
    """BTC: adverse move shut; ETH: no signal; the rest: spread is a fault."""
    names = ("Level", *(f"Limit {i}" for i in range(20)), "Signal", "Trend filter", "Spread",
             "Edge after fees", "Pause", "Adverse move", "Feed",
             "Day breaker", "Lots", "Funds")  # fmt: skip
    out = []
    for i, product in enumerate(products):
        shut_at = {0: 26, 1: 21}.get(i, 27)
        rows = []
        for j, name in enumerate(names):
            verdict = GateVerdict.OPEN
            if j == shut_at:
                verdict = GateVerdict.FAULT if shut_at == 27 else GateVerdict.SHUT
            if i == 1 and j == 26:
                verdict = GateVerdict.SHUT
            opens = "at 111,905.06, 1.81 % lower" if j == 26 and i == 0 else None
            rows.append(
                GateDoc(name=name.lower(), title=name, verdict=verdict, value="+1.43 %", limit="≤ −0.40 %", opens=opens)
            )
        sentence = {
            0: "Buys, but the price is not low enough: needs 111,905.06, 1.81 % lower",
            1: "No buy signal: the fast average is under the slow one",
        }.get(i, "Buys, but the feed is stale: no price for 7.4 s")
        out.append(
            ProductGatesDoc(
                product_id=product,
                sentence=sentence,
                shut=sum(g.verdict is not GateVerdict.OPEN for g in rows),
                gates=rows,
                decided_at=iso_seconds(now),
            )
        )
    return GatesDoc(products=out)


def boot(scenario: str, now: datetime, up_s: float) -> list[BootStep]:
    took = {"init": 0.02, "preflight": 0.41, "syncing": 0.88, "backfill": 1.75}
    at = iso_seconds(now - timedelta(seconds=up_s))
    if scenario == "error":
        return [
            BootStep(phase="init", state=StepState.DONE, at=at, seconds=0.02),
            BootStep(phase="preflight", state=StepState.FAILED, at=at, seconds=0.38, note="Key refused"),
            BootStep(phase="error", state=StepState.CURRENT, at=at, note="Key refused"),
        ]
    if scenario == "boot":
        return [
            BootStep(phase="init", state=StepState.DONE, at=at, seconds=0.02),
            BootStep(phase="preflight", state=StepState.DONE, at=at, seconds=0.41),
            BootStep(phase="syncing", state=StepState.DONE, at=at, seconds=0.88),
            BootStep(
                phase="backfill", state=StepState.CURRENT, at=at, seconds=1.1, done=7, total=12, note="ETH-USD 1m"
            ),
            BootStep(phase="running", state=StepState.WAIT),
            BootStep(phase="stopped", state=StepState.WAIT),
        ]
    steps = [BootStep(phase=p, state=StepState.DONE, at=at, seconds=s) for p, s in took.items()]
    ended = scenario in ("stopped", "killed", "safe")
    steps.append(BootStep(phase="running", state=StepState.DONE if ended else StepState.CURRENT, at=at, seconds=up_s))
    steps.append(
        BootStep(phase="stopped", state=StepState.CURRENT if ended else StepState.WAIT, seconds=55 if ended else None)
    )
    return steps


EVENTS = (
    (24, "order", "info", "ETH-USD", "ETH-USD scalp 1 is 0.04 % from its take"),
    (86, "entry", "info", "BTC-USD", "BTC-USD buy not opened: adverse move"),
    (968, "exit", "info", "SOL-USD", "SOL-USD runner trails: stop 198.90"),
    (2442, "exit", "good", "ETH-USD", "ETH-USD scalp closed at its take: +4.61"),
    (5357, "exit", "bad", "BTC-USD", "BTC-USD scalp closed at its stop: −6.98"),
    (8064, "entry", "good", "ETH-USD", "ETH-USD scalp opened at 4,021.55"),
    (10125, "command", "info", None, "start by operator: done in 188 ms"),
)


def minutes_of(last: float, now_ms: int) -> list[MinuteDoc]:
    """The running minute, which opened a little lower, and the one before."""
    start_s = now_ms // 60_000 * 60
    return [
        MinuteDoc(start_s=start_s - 60 * back, since_ms=1000 * (start_s - 60 * back) + 300, open=last * 0.9994,
                  high=last * 1.0004, low=last * 0.999, close=last if back == 0 else last * 0.9993)
        for back in (1, 0)
    ]  # fmt: skip


class Writer:
    """Writes the state of a scenario and answers the commands it is sent."""

    def __init__(self, folder: Path, scenario: str = "six", mode: str = "sim", interval_ms: int = 500) -> None:
        self.paths = DataPaths(folder)
        self.paths.prepare()
        self.scenario = scenario
        self.mode = mode
        self.interval_ms = interval_ms
        self.boot_id = str(uuid.uuid4())
        self.seq = 547_000
        self.began = datetime.now(UTC) - timedelta(days=3, hours=4)
        self.receipts: list[ReceiptDoc] = []
        self.kill: KillDoc | None = None
        self.differences = "BTC -0.01, USD +250.5" if scenario == "differs" else None
        self.answers = True
        self.blind_since = datetime.now(UTC) if scenario == "blind" else None
        self.pid = os.getpid()
        self.control = TolerantReader(self.paths.control, decode_control)
        self.done: set[str] = set()
        self.lock = self.paths.bot_lock.open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if scenario == "killed":
            self.latch(datetime.now(UTC), "operator")

    def latch(self, now: datetime, source: str) -> None:
        """The kill switch was pulled."""
        self.kill = KillDoc(
            latch_id=uuid.uuid4().hex, at=iso_seconds(now), at_ms=epoch_ms(now), source=source, gate_shut_ms=31.0,
            orders_found=6, orders_cancelled=6, verified=2, cleared_ms=842.0,
        )  # fmt: skip

    def status(self) -> tuple[Status, Phase]:
        if self.scenario == "boot":
            return Status.STARTING, Phase.BACKFILL
        if self.scenario == "error":
            return Status.ERROR, Phase.ERROR
        if self.kill is not None:
            return Status.KILLED, Phase.STOPPED
        if self.scenario == "safe":
            return Status.SAFE, Phase.STOPPED
        level = self._level()
        if level is TradingState.PAUSE or self.scenario == "paused":
            return Status.PAUSED, Phase.TRADING
        if level is TradingState.STOP or self.scenario == "stopped":
            return Status.STOPPED, Phase.STOPPED
        return Status.RUNNING, Phase.TRADING

    def _level(self) -> TradingState:
        value: ControlFile | None = self.control.look().value
        return value.level if value else TradingState.RUN

    def obey(self) -> None:
        """Answer what is in the ring, as the bot would."""
        now = datetime.now(UTC)
        value = self.control.look().value
        if self.paths.kill.exists() and self.kill is None and self.scenario not in ("error", "boot"):
            self.latch(now, "operator")
        for command in value.commands if value else []:
            if command.id in self.done:
                continue
            self.done.add(command.id)
            status, _ = self.status()
            cmd = Cmd(command.cmd)
            sent_ms = epoch_ms(datetime.fromisoformat(command.at))
            why = refusal(command.cmd, command.args, status) if cmd is not Cmd.RESET_KILL else None
            result = None
            if cmd is Cmd.RESET_KILL and self.kill is not None:
                why = None if command.args.get("latch_id") == self.kill.latch_id else "not this latch"
                if why is None:
                    self.kill = None
                    self.scenario = "six" if self.scenario == "killed" else self.scenario
            told = None
            if cmd is Cmd.ADOPT and why is None:
                shown, named = self.differences, command.args["differences"]
                if shown is None:
                    told = "there is no difference any more"
                elif named != shown:
                    why = f"what differs is {shown}, not {named}"
                else:
                    self.differences, result = None, {"adopted": shown, "value": "-889.12"}
            if cmd is Cmd.FLATTEN and why is None:
                self.scenario = "empty"
            if cmd is Cmd.DRILL and why is None:
                result = {"gate_shut_ms": "0.6", "latch_ms": "3.1", "cancel_ms": "214", "verify_ms": "598"}
            seen_ms = epoch_ms(now)
            self.receipts.append(
                ReceiptDoc(
                    id=command.id,
                    cmd=command.cmd,
                    state=ReceiptState.REJECTED if why else ReceiptState.DONE,
                    by=command.by,
                    sent_ms=sent_ms,
                    seen_ms=seen_ms,
                    done_ms=seen_ms + 12,
                    reason=why or told,
                    result=result,
                )
            )
        self.receipts = self.receipts[-32:]

    def state(self) -> BotState:
        now = datetime.now(UTC)
        up_s = (now - self.began).total_seconds()
        status, phase = self.status()
        early = self.scenario in ("boot", "error")
        held = None if self.scenario in ("error", "bare") else positions_of(self.scenario, now)
        rows = [x for p in held or [] for x in p.lots]
        value = sum(x.value_usd or 0 for x in rows)
        cash = 10_000.0 if not rows else 6_682.72
        equity = cash + value + (48.77 if rows else 0)
        start = equity - 118.72 if rows else equity
        bare = early or self.scenario == "bare"
        account = None if bare else AccountDoc(
            equity=equity, equity_text=f"{equity:.2f}", cash=cash, cash_text=f"{cash:.2f}", cash_available=cash,
            held_in_orders=0.0, lots_value=value, other_value=48.77 if rows else 0.0, day=f"{now:%Y-%m-%d}",
            day_start_equity=start, day_pnl=equity - start, day_pnl_pct=100 * (equity / start - 1),
            day_realized=15.73 if rows else 0.0, day_unrealized_change=102.99 if rows else 0.0,
            day_fees=37.02 if rows else 0.0, day_peak_equity=equity + 7, peak_equity=equity + 7,
            drawdown_pct=0.06, drawdown_limit_pct=2.0, maker_fee_pct=MAKER, taker_fee_pct=TAKER, fee_tier="Advanced 1",
            day_lots_opened=3 if rows else 0, day_lots_closed=3 if rows else 0, day_wins=3 if rows else 0,
            priced_ms=epoch_ms(now) - 240, curve=1.0312, transfers=700.0, open_pnl=sum(
                (x.unrealized_pnl or 0) + x.sold_pnl for x in rows), open_fees=sum(x.fees_paid_usd for x in rows),
            day_decisions=2481, day_entries=3 if rows else 0, day_orders=11 if rows else 0,
            synced_at=iso_seconds(now - timedelta(seconds=12)),
        )  # fmt: skip
        products = list(PRICES)[:3]
        return BotState(
            ts=iso_seconds(now), mode=self.mode, status=status, phase=phase, positions=held,
            portfolio_value=None if bare else equity, ws_ok=not early,
            error="Coinbase refused the key: 401 Unauthorized for key …a81f" if self.scenario == "error" else None,
            ts_ms=epoch_ms(now), seq=self.seq, interval_ms=self.interval_ms, boot_id=self.boot_id, pid=self.pid,
            started_at=iso_seconds(datetime.now(UTC)), build="test", config_hash="0" * 16, supervised=False,
            boot=boot("killed" if self.kill else self.scenario if early or status in (Status.SAFE, Status.STOPPED)
                      else "six", now, up_s if not early else 2.4),
            account=account,
            orders=None if bare else self._orders(rows, now),
            risk=None if bare else self._risk(rows, equity),
            differences=None if bare else self.differences,
            differences_since=iso_seconds(now - timedelta(minutes=42)) if self.differences and not bare else None,
            audit=None if bare else self._audit(now),
            gates=None if bare else gates(products, now),
            feeds=None if bare else FeedsDoc(
                ws_connected=True, ws_since=iso_seconds(self.began), ws_age_ms=210, ws_reconnects=1, ws_gaps=0,
                ws_messages=1_204_511, ws_note=None,
                channels=[ChannelDoc(channel="ticker", product_id=p, age_ms=210 + 90 * i)
                          for i, p in enumerate(products)],
                rest_ok=True, rest_last_ms=41.0, rest_errors=2, rest_calls=81_204, rest_note=None, budget_pct=87.0,
                clock_offset_ms=12, clock_ok=True,
            ),
            verdict=None if bare else self._verdict(status, now),
            strategy=None if bare else StrategyDoc(
                name="logistic", granularity="ONE_MINUTE", parameters={"MA_FAST": "10", "MA_SLOW": "30"},
                settings=[StrategySettingDoc(key=k, value=v, default=d, origin=o, help=f"What {k} does.", own=False)
                          for k, v, d, o in (("MODEL_MODE", "extended", "baseline", ".env"),
                                             ("MA_FAST", "10", "10", "default"), ("MA_SLOW", "30", "30", "default"))],
                models=models(products, now),
                signals=[SignalDoc(product_id=p, signal=("buy", "flat", "sell")[i], probability=0.523 - 0.05 * i,
                                   bar_at=iso_seconds(now.replace(second=0)), bars=5000, bars_needed=30,
                                   values={"fast": PRICES[p] * 1.001, "slow": PRICES[p]})
                         for i, p in enumerate(products)],
            ),
            metrics=None if bare else MetricsDoc(
                decisions={"buy": 31, "sell": 8, "flat": 2442}, orders={"buy": 6, "sell": 5},
                trades={"open": len(rows), "win": 3, "loss": 0}, vol_risk_factor=0.38, model_mode="extended",
                walk_forward_fits=633, decisions_missed=2, rss_mb=48.2, cpu_s=412.0,
                loop_lag_ms_p99=1.2, write_interval_ms_p99=504.0,
                tick_to_order_ms_p50=0.8, tick_to_order_ms_p99=4.1, ledger_commit_ms_p99=0.6,
                guard_failures={"recoverable": {"spread": 2, "signal": 1}, "critical": {}},
            ),
            control=ControlDoc(ok=True, error=None, level=self._level().word, seen_at=iso_seconds(now)),
            kill=self.kill, receipts=self.receipts,
            events=[EventDoc(at=iso_seconds(now - timedelta(seconds=s)), at_ms=epoch_ms(now) - 1000 * s, kind=k,
                             level=lv, text=t, product_id=p)
                    for s, k, lv, p, t in (EVENTS if rows else EVENTS[-1:])],
            io=IoDoc(disk_free_mb=71_000),
        )  # fmt: skip

    def _verdict(self, status: Status, now: datetime) -> VerdictDoc:
        """As the bot would say it; blind since `blind_since`, where that is set."""
        gone_ms = None if self.blind_since is None else epoch_ms(now) - epoch_ms(self.blind_since)
        blind = gone_ms is not None and gone_ms > 5000
        state, age_ms = (PartState.GONE, gone_ms) if blind else (PartState.OK, gone_ms or 210)
        text = f"no heartbeat since {self.blind_since:%H:%M:%S} (silent for 5 s)" if blind else ""
        return VerdictDoc(
            word="blind" if blind else status.value, reason=f"Stream: {text}" if blind else None,
            seconds=age_ms / 1000 if blind else None, figures_age_ms=age_ms,
            parts=[
                PartDoc(name="stream", title="Stream", state=state, age_ms=age_ms, text=text),
                PartDoc(name="orders", title="Order news", state=state, age_ms=age_ms, text=text),
                PartDoc(name="rest", title="REST", state=PartState.OK, age_ms=4100),
                PartDoc(name="prices", title="Prices", state=PartState.WARN if blind else PartState.OK, age_ms=age_ms,
                        text="last 113962.18 BTC-USD" if blind else ""),
                PartDoc(name="balances", title="Balances", state=PartState.OK, age_ms=12_000),
                PartDoc(name="clock", title="Clock", state=PartState.OK, text="+12 ms"),
                PartDoc(name="ledger", title="Ledger", state=PartState.OK, text="written, nothing pending"),
                PartDoc(name="lock", title="Lock", state=PartState.OK, text="held"),
            ],
        )  # fmt: skip

    def _orders(self, rows: list[LotDoc], now: datetime) -> list[OrderDoc]:
        if self.kill:
            return []
        made = [
            OrderDoc(
                client_order_id=lot_id(9000 + i), order_id=str(uuid.UUID(int=i + 1)), product_id=x.product_id,
                side="SELL", kind="limit", purpose="take", state="open", base_size=x.base_size, quote_size=None,
                limit_price=x.take_price, filled_size=0.0, average_fill_price=None, created_at=x.opened_at,
                updated_at=x.opened_at, lot_id=x.lot_id,
            )
            for i, x in enumerate(rows)
        ]  # fmt: skip
        if rows:
            at = iso_seconds(now - timedelta(seconds=9))
            made.append(
                OrderDoc(
                    client_order_id=lot_id(9999), order_id=None, product_id="BTC-USD", side="BUY", kind="market",
                    purpose="entry", state="unknown", base_size=None, quote_size=250.0, limit_price=None, filled_size=0,
                    average_fill_price=None, created_at=at, updated_at=at, reason="no answer in 5 s; being looked up",
                )
            )  # fmt: skip
            made.append(
                OrderDoc(
                    client_order_id="web-4711", order_id="f00", product_id="LTC-USD", side="SELL", kind="limit",
                    purpose="foreign", state="open", base_size=0.5, quote_size=None, limit_price=140.0, filled_size=0.0,
                    average_fill_price=None, created_at=at, updated_at=at,
                )
            )  # fmt: skip
        return made

    def _audit(self, now: datetime) -> AuditDoc | None:
        """None yet in a young account; where the account differs, it is found with another thing."""
        if self.scenario == "empty":
            return None
        at = now - timedelta(hours=3, minutes=12)
        text = "audit: 412 orders, 398 fills and the balances agree with the exchange"
        if self.scenario == "differs":
            text = (
                f"audit: {lot_id(9001)} is open here, and the exchange does not show it; "
                "the balances differ by BTC -0.01, USD +250.5"
            )
        ok = self.scenario != "differs"
        return AuditDoc(at=iso_seconds(at), at_ms=epoch_ms(at), ok=ok, text=text, orders=412, fills=398)

    @staticmethod
    def _risk(rows: list[LotDoc], equity: float) -> RiskDoc:
        return RiskDoc(
            entries_blocked=None,
            limits=[
                LimitDoc(name="day_loss_pct", title="Day loss", value=-0.96, limit=2.0, unit="%", state="ok",
                         note="of day-start equity"),
                LimitDoc(name="max_total_lots", title="Lots, all products", value=len(rows), limit=60, unit="lots",
                         state="ok"),
                LimitDoc(name="max_orders_per_min", title="Orders in a minute", value=22, limit=30, unit="orders",
                         state="warn", tripped_at=iso_seconds(datetime.now(UTC) - timedelta(days=2))),
                LimitDoc(name="next_entry", title="Next entry", value=equity * 0.2 * 0.38, limit=6682.72, unit="USD",
                         state="ok", note="20 % of equity × 0.38 for volatility"),
                LimitDoc(name="max_daily_loss_usd", title="Day loss in USD", value=None, limit=None, unit="USD",
                         state="off"),
            ],
            adjusted=[AdjustedDoc(key="TRAIL_ACTIVATE_PCT", value="2.28", why="TRAIL_ACTIVATE_PCT is 2.28: it pays")],
        )  # fmt: skip

    def write(self) -> None:
        """One state write."""
        self.seq += 1
        write_whole(self.paths.state, encode_state(self.state()), durable=False)

    def write_market(self) -> None:
        now_ms = int(time.time() * 1000)
        moved = 1 + 0.004 * math.sin(now_ms / 900) if self.scenario == "moving" else 1.0
        quotes = [
            Quote(product_id=p, bid=v * 0.99995, ask=v * 1.00005, last=v, at_ms=now_ms,
                  price_increment_text=INCREMENT.get(p, "0.001"), minutes=minutes_of(v, now_ms))
            for p, v in ((p, round(v * moved, 2)) for p, v in PRICES.items()
                         if self.scenario == "many" or p in list(PRICES)[:3])
        ]  # fmt: skip
        depth = [] if self.scenario in ("bare", "boot", "error") else [depth_of(q.product_id, now_ms) for q in quotes]
        document = orjson.dumps(MarketDoc(ts_ms=now_ms, quotes=quotes, depth=depth))
        write_whole(self.paths.market, document, durable=False)

    def run(self, seconds: float | None = None) -> None:
        """Write and obey until `seconds` are over."""
        end = None if seconds is None else time.monotonic() + seconds
        next_write = 0.0
        while end is None or time.monotonic() < end:
            before = len(self.receipts)
            if self.answers:
                self.obey()
            if time.monotonic() >= next_write or len(self.receipts) != before:
                self.write()
                self.write_market()
                next_write = time.monotonic() + self.interval_ms / 1000
            time.sleep(0.02)


STOP_TITLES = {"signal": "Signal", "adverse": "Adverse move", "spread": "Spread", "edge": "Edge after fees",
               "entered": "Entered"}  # fmt: skip


MOVED = ((2040, 1500.0), (600, -800.0))  # (minutes ago, what was deposited or withdrawn)


def equity_points(now: int, minutes: int, rng: random.Random) -> list[EquityRow]:
    """Equity each minute that ends at what the state shows, with a deposit and a withdrawal on the way."""
    steps = [rng.gauss(0.004, 1.6) for _ in range(minutes)]
    equity = 12437.04 - sum(steps) - sum(value for ago, value in MOVED if ago < minutes)
    curve = peak = 1.0
    moved, points = 0.0, []
    for ago, step in zip(range(minutes - 1, -1, -1), steps, strict=True):
        curve *= 1 + step / equity
        peak = max(peak, curve)
        flow = sum(value for at, value in MOVED if at == ago)
        equity, moved = equity + step + flow, moved + flow
        at = now - now % 60 - 60 * ago
        points.append(EquityRow(at, equity, 6682.72, equity - 6682.72, moved, curve, 100 * (1 - curve / peak)))
    return points


def fill_market(paths: DataPaths, days_back: int = 3) -> None:
    """Candles of every granularity and equity each minute."""
    db = open_market_writer(paths.market_db)
    now = int(time.time())
    rng = random.Random(3)
    for product in list(PRICES)[:3]:
        for granularity, step in (("ONE_MINUTE", 60), ("FIVE_MINUTE", 300), ("FIFTEEN_MINUTE", 900),
                                  ("ONE_HOUR", 3600), ("ONE_DAY", 86400)):  # fmt: skip
            price, rows = PRICES[product], []
            start = now - now % step
            for i in range(1, 601):  # closed ones: the running bar is not among them
                close = price
                price *= 1 + rng.gauss(0, 0.0008 * math.sqrt(step / 60))
                high, low = max(price, close) * 1.0006, min(price, close) * 0.9994
                rows.append(CandleRow(start - i * step, price, high, low, close, rng.uniform(0.5, 9)))
            put_candles(db, product, granularity, rows)
    points = equity_points(now, days_back * 1440, rng)
    with db:
        db.execute("BEGIN")
        db.executemany("INSERT OR REPLACE INTO equity VALUES (?,?,?,?,?,?,?)", points)
        for product in list(PRICES)[:3]:
            db.executemany(
                "INSERT OR REPLACE INTO signals VALUES (?,?,?,?,?)",
                [(product, now - now % 60 - 60 * i, rng.choice(["buy", "flat", "flat", "sell"]), 0.5,
                  '{"p":0.5}')
                 for i in range(120)],
            )  # fmt: skip
            db.executemany(
                "INSERT OR REPLACE INTO indicators VALUES (?,?,?,?)",
                [(product, "ONE_MINUTE", now - now % 60 - 60 * i,
                  f'{{"sma_fast":{PRICES[product] * (1 - 1e-5 * i)},"sma_slow":{PRICES[product] * (1 - 2e-5 * i)}}}')
                 for i in range(1, 560)],
            )  # fmt: skip
            gates_ = rng.choices(("signal", "adverse", "spread", "edge", "entered"), (70, 18, 6, 5, 1), k=1400)
            db.executemany(
                "INSERT OR REPLACE INTO stops VALUES (?,?,?,?,?)",
                [(product, now - now % 60 - 60 * i, "flat" if g == "signal" else "buy", g, STOP_TITLES[g])
                 for i, g in enumerate(gates_)],
            )  # fmt: skip
    db.close()


def fill_ledger(paths: DataPaths, round_trips: int = 120) -> None:
    """A past of closed lots with their orders and fills, some days, and a journal."""
    engine = open_writer(paths.ledger)
    rng = random.Random(5)
    now_ms = int(time.time() * 1000)
    with engine.begin() as db:
        for i in range(round_trips):
            product = list(PRICES)[i % 3]
            price = Decimal(str(round(PRICES[product] * rng.uniform(0.95, 1.0), 2)))
            size = (Decimal(900) / price).quantize(Decimal("0.00000001"))
            opened = now_ms - (round_trips - i) * 5_400_000
            closed = opened + rng.randrange(600_000, 5_000_000)
            gain = Decimal(str(round(rng.gauss(2.2, 9), 2)))
            entry_fee, exit_fee = Decimal("8.10"), Decimal("4.55")
            entry, exit_ = lot_id(20_000 + i), lot_id(40_000 + i)
            cost = price * size
            proceeds = cost + gain + entry_fee + exit_fee
            reason = rng.choice(["take", "take", "trail", "stop", "command"])
            put(db, lots, lot_id=entry, seq=i + 1, product_id=product, kind="scalp" if i % 4 else "runner",
                opened_ms=opened, open_price=price, base_bought=size, base_left=Decimal(0), cost=cost,
                entry_fee=entry_fee, tp_pct=Decimal("1.9"), take_price=price * Decimal("1.019"), trail_active=False,
                exit_reason=reason, exit_client_order_id=exit_, proceeds=proceeds, exit_fee=exit_fee, closed_ms=closed,
                realized_pnl=gain, dust=Decimal(0), price_increment=Decimal("0.01"))  # fmt: skip
            for cid, side, at, fee, purpose in ((entry, "BUY", opened, entry_fee, "entry"),
                                                (exit_, "SELL", closed, exit_fee, "take")):  # fmt: skip
                put(db, orders, client_order_id=cid, order_id=str(uuid.uuid4()), product_id=product, side=side,
                    kind="market" if side == "BUY" else "limit", purpose=purpose, base_size=size, limit_price=price,
                    post_only=False, lot_id=entry, boot_id="b", created_ms=at - 900, state="filled", filled_size=size,
                    updated_ms=at)  # fmt: skip
                put(db, fills, order_id=cid, trade_id="1", client_order_id=cid, product_id=product, side=side,
                    price=price, base_size=size, fee=fee, liquidity="taker" if side == "BUY" else "maker",
                    exchange_ms=at, received_ms=at + 30, lot_id=entry)  # fmt: skip
                for word, ms in (("intent", -900), ("sent", -850), ("open", -400), ("filled", 0)):
                    put(db, activity_log, at_ms=at + ms, kind="order", level="info", product_id=product, ref=cid,
                        text=f"{side} order {word}", data=None)  # fmt: skip
        for d in range(8):
            day = datetime.now(UTC) - timedelta(days=d)
            put(db, days, day=f"{day:%Y-%m-%d}", start_equity=Decimal(12300 - 20 * d), start_unrealized=Decimal(0),
                peak_equity=Decimal(12400), realized=Decimal("15.73"), fees=Decimal("37.02"), transfers=Decimal(0),
                counters={})  # fmt: skip
        for ago, value in MOVED:
            at_ms = now_ms - 60_000 * ago
            put(db, commands, id=str(uuid.uuid4()), cmd="adopt", args={"differences": f"USD {value:+g}"}, by="operator",
                sent_ms=at_ms + 240_000, seen_ms=at_ms + 240_040, state="done", done_ms=at_ms + 240_090, reason=None,
                result={"adopted": f"USD {value:+g}", "value": f"{value:.2f}", "since": iso_seconds(
                    datetime.fromtimestamp(at_ms / 1000, UTC))})  # fmt: skip
        put(db, commands, id=str(uuid.uuid4()), cmd="pause", args={}, by="operator", sent_ms=now_ms - 7_200_000,
            seen_ms=now_ms - 7_199_962, state="done", done_ms=now_ms - 7_199_786,
            reason=None, result=None)  # fmt: skip
    engine.dispose()


def fill_logs(paths: DataPaths) -> None:
    lines = []
    for i in range(200):
        at = datetime.now(UTC) - timedelta(seconds=3 * (200 - i))
        level = "ERROR" if i == 150 else "WARNING" if i % 40 == 0 else "INFO"
        lines.append(
            f"{at:%Y-%m-%dT%H:%M:%S}.000Z {level} bot.engine order.accepted product_id=BTC-USD price={113000 + i}"
        )
    (paths.logs / "COIN-BOT.log").write_text("\n".join(lines) + "\n")


def fill(folder: Path) -> None:
    """Everything a bot with a past has."""
    paths = DataPaths(folder)
    paths.prepare()
    fill_market(paths)
    fill_ledger(paths)
    fill_logs(paths)


def with_receipt(state: BotState, receipt: ReceiptDoc) -> BotState:
    return replace(state, receipts=[*state.receipts, receipt])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    name = sys.argv[2] if len(sys.argv) > 2 else "six"
    writer = Writer(folder, name, mode=sys.argv[3] if len(sys.argv) > 3 else "sim")
    if name not in ("empty", "bare", "boot", "error") and not writer.paths.ledger.exists():
        fill(folder)
    writer.run()
