"""A writer of the bot's files for tests: it makes the documents that a bot would make, and answers commands.

`python -m tests.dashboard.writer FOLDER SCENARIO` runs it until it is ended.
"""

import fcntl
import math
import os
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from shared.command_table import Cmd
from shared.control import ControlFile, TradingState, decode_control, refusal
from shared.documents.account import AccountDoc, LotDoc, OrderDoc
from shared.documents.control import ControlDoc, KillDoc, ReceiptDoc, ReceiptState
from shared.documents.events import EventDoc
from shared.documents.feeds import ChannelDoc, FeedsDoc, IoDoc, LatencyDoc, MetricsDoc
from shared.documents.market import MarketDoc, Quote
from shared.documents.risk import (
    AdjustedDoc,
    AuditDoc,
    LimitDoc,
    RiskDoc,
)
from shared.documents.state import BotState, encode_state
from shared.documents.status import Phase, Status
from shared.documents.strategy import SignalDoc, StrategyDoc, StrategySettingDoc
from shared.files import TolerantReader, write_whole
from shared.paths import DataPaths
from shared.times import epoch_ms, iso_seconds
from shared.verdict import PartDoc, PartState, VerdictDoc
from tests.dashboard.made_documents import (
    EVENTS,
    INCREMENT,
    MAKER,
    PRICES,
    TAKER,
    boot,
    depth_of,
    gates,
    lot_id,
    minutes_of,
    models,
    positions_of,
)
from tests.dashboard.past_files import fill


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
            drawdown_pct=0.06, drawdown_limit_pct=2.0, maker_fee_pct=MAKER, taker_fee_pct=TAKER,
            take_fee_pct=MAKER, fee_tier="Advanced 1",
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
                rest_rate_limited=3,
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
                latencies={"order_ack": LatencyDoc(le_ms=[50.0, 100.0, 250.0], counts=[1, 3, 1, 1], sum_ms=910.0)},
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


def with_receipt(state: BotState, receipt: ReceiptDoc) -> BotState:
    return replace(state, receipts=[*state.receipts, receipt])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    name = sys.argv[2] if len(sys.argv) > 2 else "six"
    writer = Writer(folder, name, mode=sys.argv[3] if len(sys.argv) > 3 else "sim")
    if name not in ("empty", "bare", "boot", "error") and not writer.paths.ledger.exists():
        fill(folder)
    writer.run()
