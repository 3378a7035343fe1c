"""Every gate: a state in which it alone is shut, and then no entry; and any mixture of those states."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.engine.execution.entries as entries
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.kinds import Side
from bot.engine.risk import gates
from bot.engine.state.equity_curve import FACT, EquityCurve
from bot.engine.state.fence import SECOND_WRITER
from bot.engine.state.recovered import RecoveredState
from shared.control import TradingState
from shared.documents.risk import GateVerdict
from shared.settings import Mode
from tests.core.harness import START_MS, D, Rig, places, product

BTC = "BTC-USD"


@dataclass(frozen=True)
class Case:
    """What makes the gate shut: settings, something that happened before, and how the deciding bar looks."""

    settings: dict[str, Any] = field(default_factory=dict)
    act: Callable[[Rig], object] = lambda _rig: None
    lot_first: bool = False
    word: str = "buy"
    last: str = "100"
    cash: str = "10000"
    kept: dict[str, str] = field(default_factory=dict)  # by an earlier run
    sent_ms: tuple[int, ...] = ()  # orders of an earlier run


@dataclass
class StillMarket:
    """Volatility as told."""

    sigma_long: float = 1.0
    sigma_short: float = 1.0
    factor: float = 1.0
    bar_pct: float = 0.5

    def percent(self, _method: str) -> float:
        return self.bar_pct

    def add(self, _bar: object) -> None:
        pass


def _set_market(**values: Any) -> Callable[[Rig], object]:
    def act(rig: Rig) -> None:
        for name, value in values.items():
            setattr(rig.engine.state.markets.by_product[BTC], name, value)

    return act


def _errors(rig: Rig) -> None:
    for ok in (True, True, False, False, False, False):
        rig.engine.state.risk.outcome(ok, rig.now_ms)


def _refused(rig: Rig) -> None:
    for _ in range(5):
        for entry in places(rig.bar("buy")):
            rig.send(ev.VenueRejected(entry.client_order_id, "no"))


def _api(rig: Rig) -> None:
    rig.send(ev.RequestCounts(100, 0))
    rig.send(ev.RequestCounts(110, 6), 1000)


def _breaker(rig: Rig) -> None:
    rig.lose("0.05")
    rig.tick()


def _held_beside(rig: Rig) -> None:
    """A lot of another product. Whether the two move together is not known yet, which counts as if they did."""
    if len(rig.settings.products) < 2:
        return
    rig.price("100", "ETH-USD")
    for entry in places(rig.bar("buy", product_id="ETH-USD")):
        rig.fills_all(entry, "20", "100")


CASES: dict[str, Case] = {
    "control": Case(act=lambda rig: rig.level(TradingState.PAUSE)),
    "live_lock": Case(
        {"coin_mode": Mode.LIVE, "dry_run": False}, lambda rig: rig.send(ev.LivePermissionUpdate("no permission"))
    ),
    "reduce_only": Case({"reduce_only": True}),
    "scanner": Case(
        {"scanner_max_products": 2}, lambda rig: setattr(rig.engine.state.markets, "picked", frozenset({"ETH-USD"}))
    ),
    "second_writer": Case(kept={SECOND_WRITER: "order 7 of epoch 5f3a0c1d"}),
    "ledger": Case(act=lambda rig: rig.send(ev.LedgerChanged(ok=False, note="disk full"))),
    "clock": Case(act=lambda rig: rig.send(ev.ClockChecked(9000))),
    "feed": Case(act=lambda rig: rig.send(ev.FeedChanged(False, "silent"))),
    "product": Case(act=lambda rig: rig.send(ev.InstrumentList((product(halted="cancel only"),)))),
    "signal": Case(word="flat"),
    "bar": Case(act=lambda rig: setattr(rig.engine.state.markets.by_product[BTC], "used_bar_s", rig.bar_s + 60)),
    "in_flight": Case(act=lambda rig: rig.bar("buy")),
    "window": Case({"trading_window_utc": "13:00-14:00"}),
    "breaker": Case({"max_daily_loss_pct": 3.0}, _breaker),
    "rate": Case(sent_ms=(START_MS,) * 30),
    "drawdown": Case(kept={FACT: EquityCurve(base=Decimal(20_000)).to_text()}),
    "loss_streak": Case(act=lambda rig: setattr(rig.engine.state.risk, "loss_streak", 10)),
    "order_errors": Case(act=_errors),
    "api_errors": Case(act=_api),
    "refusals": Case(act=_refused),
    "vol_spike": Case(act=_set_market(volatility=StillMarket(sigma_short=4.5))),
    "vol_low": Case({"vol_band_low_pct": 1.0}, _set_market(bands=StillMarket(bar_pct=0.9))),
    "vol_high": Case({"vol_band_high_pct": 1.0}, _set_market(bands=StillMarket(bar_pct=1.1))),
    "price_band": Case({"volatility_mult": 2.0}, _set_market(price_bands=StillMarket(bar_pct=0.001))),
    "spread": Case({"max_spread_pct": 0.001}),
    "depth": Case({"min_depth_usd": 1000.0}),
    "impact": Case({"max_impact_bp": 50.0}),
    "lots": Case({"max_concurrent_lots": 1}, lot_first=True, last="90"),
    "pause": Case({"pyramid_min_seconds_between": 3600.0}, lot_first=True, last="90"),
    "adverse": Case(lot_first=True, last="100"),
    "edge": Case({"edge_gate": True, "take_profit_pct": 0.1}),
    "collar": Case({"price_collar_pct": 0.1}, last="far"),
    "exposure": Case({"max_product_usd": 1999.0}),
    "cluster": Case({"products": (BTC, "ETH-USD"), "max_product_usd": 3000.0, "correlation_limit": 0.5}, _held_beside),
    "exposure_total": Case({"max_total_usd": 1999.0}),
    "base_cap": Case({"max_base": "BTC:0.01"}),
    "funds": Case(cash="4.99"),
}


def decide(cases: list[Case]) -> tuple[Rig, list[str], int]:
    """Bring it all about and let a bar decide: (the rig, the gates that are shut then, entries sent by it)."""
    merged: dict[str, Any] = {"max_daily_loss_pct": 100.0}
    for case in cases:
        merged |= case.settings
    kept = {key: value for case in cases for key, value in case.kept.items()}
    sent_ms = tuple(ms for case in cases for ms in case.sent_ms)
    cash = min((case.cash for case in cases), key=float, default="10000")
    rig = Rig(cash=cash, restored=RecoveredState(key_values=kept, order_times_ms=sent_ms), **merged)
    rig.price("100")
    if any(case.lot_first for case in cases):
        for entry in places(rig.bar("buy")):  # none, where another case's setting is in the way
            rig.fills_all(entry, "1", "100")
    for case in cases:
        case.act(rig)
    last = next((case.last for case in cases if case.last != "100"), "100")
    rig.strategy.word = next((case.word for case in cases if case.word != "buy"), "buy")
    before = len(_buys(rig))
    price = D(100) if last == "far" else D(last)
    bid, ask = (D("99"), D("99.02")) if last == "far" else (price - D("0.01"), price + D("0.01"))
    rig.send(ev.PriceUpdate(BTC, price, bid, ask), 1000)
    rig.bar_s += 60
    bar = Bar(rig.bar_s, *[float(price)] * 4, 1.0)
    # Judge the gates on the very state that the bar decides on: when the strategy has answered.
    asked: list[list[str]] = []
    judge = gates.first_shut

    def looked(w: Any, m: Any) -> Any:
        if m.question is None:
            asked.append([g.name for g in gates.all_gates(w, m) if g.verdict is not GateVerdict.OPEN])
        return judge(w, m)

    entries.first_shut = looked
    try:
        rig.send(ev.BarsClosed(BTC, "ONE_MINUTE", (bar,)))
    finally:
        entries.first_shut = judge
    # Where the engine did not even ask (the level, no buy), they are as they stand.
    now = [g.name for g in rig.view.gates.all(BTC) if g.verdict is not GateVerdict.OPEN]
    seen = asked[0] if asked else now
    rig.send(ev.PriceUpdate(BTC, price, bid, ask), 1000)
    return rig, seen, len(_buys(rig)) - before


def _buys(rig: Rig) -> list[Any]:
    return [spec for spec in places(rig.intents) if spec.side is Side.BUY]


def test_with_every_gate_open_there_is_an_entry() -> None:
    _, shut, sent = decide([])
    assert shut == [] and sent == 1


def test_every_gate_of_the_list_has_its_case() -> None:
    rig = Rig()
    rig.price("100")
    names = [gate.name for gate in rig.view.gates.all(BTC)]
    assert len(names) == len(set(names)), "one name, one gate"
    assert set(names) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_gate_alone_is_shut_and_no_entry_is_sent(name: str) -> None:
    rig, shut, sent = decide([CASES[name]])
    assert shut == [name] and sent == 0
    gate = next(g for g in rig.view.gates.all(BTC) if g.name == name)
    if name not in ("in_flight",):
        assert gate.value is not None and gate.title and (gate.limit is not None or gate.opens is not None)


def test_a_paused_bot_is_called_paused() -> None:
    rig, _, _ = decide([CASES["control"]])
    found = rig.view.gates.document()
    assert found is not None
    assert "the bot is paused: press Start" in next(p.sentence for p in found.products if p.product_id == BTC)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(sorted(CASES)), min_size=1, max_size=5, unique=True))
def test_while_any_gate_is_shut_no_entry_is_sent(names: list[str]) -> None:
    _, shut, sent = decide([CASES[name] for name in names])
    assert sent == (0 if shut else 1)
    assert shut, names
