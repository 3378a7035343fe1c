"""The files of a bot with a past: candles, equity, a ledger, logs."""

import math
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from shared.ledger.open import open_writer
from shared.ledger.schema import activity_log, commands, days, fills, lots, orders
from shared.market_data import CandleRow, EquityRow, open_market_writer, put_candles, read_candles
from shared.paths import DataPaths
from shared.times import iso_seconds
from tests.dashboard.made_documents import PRICES, lot_id
from tests.ledger_rows import put

STOP_TITLES = {"signal": "Signal", "adverse": "Adverse move", "spread": "Spread", "edge": "Edge after fees",
               "feed": "Feed", "entered": "Entered"}  # fmt: skip


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


def averages(bars: list[CandleRow]) -> list[tuple[int, str]]:
    """What a strategy of the means of 10 and 30 closes records on each bar that has so many."""
    closes = [bar.close for bar in bars]
    return [
        (
            bars[i].start_s,
            f'{{"sma_fast":{sum(closes[i - 9 : i + 1]) / 10},"sma_slow":{sum(closes[i - 29 : i + 1]) / 30}}}',
        )
        for i in range(29, len(bars))
    ]


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
                [(product, "ONE_MINUTE", *row) for row in averages(read_candles(db, product, "ONE_MINUTE", 589))],
            )
            gates_ = rng.choices(
                ("signal", "adverse", "spread", "edge", "entered", "feed"), (70, 18, 6, 5, 1, 1), k=1400
            )
            db.executemany(
                "INSERT OR REPLACE INTO stops VALUES (?,?,?,?,?,?)",
                [(product, now - now % 60 - 60 * i, "flat" if g == "signal" else "buy", g, STOP_TITLES[g], g == "feed")
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
