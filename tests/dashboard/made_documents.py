"""Parts of the documents that a bot would make, for `tests.dashboard.writer`."""

import random
import uuid
from datetime import datetime, timedelta
from decimal import Decimal

from shared.documents.account import LotDoc, PositionDoc
from shared.documents.market import DepthDoc, MinuteDoc
from shared.documents.risk import (
    GateDoc,
    GatesDoc,
    GateVerdict,
    ProductGatesDoc,
)
from shared.documents.status import BootStep, StepState
from shared.documents.strategy import ModelDoc, ScoreDoc
from shared.times import epoch_ms, iso_seconds

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
