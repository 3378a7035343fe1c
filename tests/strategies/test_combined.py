"""Several strategies as one: the rule by hand, live as over history, no look ahead, kinds that do not mix."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.app.strategy_port import StrategyAdapter
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Exposure, Signal, StrategyFailure
from bot.rules.signals import majority_side
from bot.strategies import registry
from bot.strategies.base import Bars, Call, ExposureArrays, SignalArrays, Strategy
from bot.strategies.combined import combine, mixed_weights
from bot.strategies.lookahead import find_lookahead, find_window_difference
from cli.doctor import strategies as doctor
from shared.artifacts import digests
from shared.live_permission import terms
from shared.market_data import CandleRow
from shared.paths import ROOT
from shared.setting_checks import contradictions
from shared.settings import Settings, SettingsError
from shared.strategy_names import named, parts
from tests.core.harness import product
from tests.strategies.families import OWN, hours

OF_SIGNALS = ("sma_cross", "momentum", "rsi_reversion")
OF_WEIGHTS = ("trend", "steady", "breakout")


def together(*names: str, **more: Any) -> Settings:
    made = Settings(strategy="combined", strategies=names, **{"max_history_candles": 5_000, **more})
    assert not contradictions(made)
    return made


def weights_of(*names: str, **more: Any) -> Settings:
    return together(*names, granularity="ONE_HOUR", strategy_options=OWN, **more)


def rows_of(bars: Bars) -> list[tuple[float, ...]]:
    columns = (bars.start_s, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return list(zip(*(column.tolist() for column in columns), strict=True))


class Says(Strategy):
    """Says what it was given, whatever the bars are."""

    warmup_bars = 1

    def __init__(self, name: str, said: list[float]) -> None:
        super().__init__(Settings())
        self.name, self.said = name, said  # type: ignore[misc]

    def compute(self, bars: Bars) -> SignalArrays:
        signal = np.array(self.said[: len(bars)], dtype=np.int8)
        return SignalArrays(signal, np.full(len(bars), math.nan))


# --- the rule ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        ("+++", 1), ("++0", 1), ("++-", 1), ("+00", 0), ("+-0", 0), ("000", 0), ("--+", -1), ("-00", 0), ("++--", 0),
        ("++-0", 0), ("+++-", 1), ("+-", 0), ("+0", 0), ("--", -1),
    ],
)  # fmt: skip
def test_a_majority_of_votes_decides(make_bars, votes: str, said: int) -> None:
    members = [Says(f"m{i}", [{"+": 1, "-": -1, "0": 0}[vote]] * 5) for i, vote in enumerate(votes)]
    found = combine(together(*(m.name for m in members)), members).checked(make_bars(5))
    assert isinstance(found, SignalArrays) and found.signal.tolist() == [said] * 5


def test_weights_and_the_majority_are_settings(make_bars) -> None:
    members = [Says("a", [1] * 3), Says("b", [-1] * 3), Says("c", [0] * 3)]

    def said(**more: Any) -> int:
        return int(combine(together("a", "b", "c", **more), members).signals(make_bars(3)).signal[-1])

    heavy = {"strategies_rule": "weight", "strategies_weights": "a:5,b:2"}
    assert said() == 0 and said(**heavy) == 1
    assert said(**heavy, strategies_majority=0.6) == 1 and said(**heavy, strategies_majority=0.625) == 0
    assert said(strategies_rule="weight", strategies_weights="b:3") == -1
    # A tie is none, however the parts add up: 1/6 + 2/6 against 3/6.
    tie = [Says("a", [1] * 3), Says("b", [1] * 3), Says("c", [-1] * 3)]
    settings = together("a", "b", "c", strategies_rule="weight", strategies_weights="b:2,c:3", strategies_majority=0.1)
    assert combine(settings, tie).signals(make_bars(3)).signal.tolist() == [0, 0, 0]


@given(some.floats(0, 1), some.floats(0, 1), some.floats(0, 0.99))
def test_the_rule_is_fair_and_the_same_for_arrays(buy: float, sell: float, majority: float) -> None:
    sell = min(sell, 1.0 - buy)
    side = majority_side(buy, sell, majority)
    assert side == -majority_side(sell, buy, majority)
    assert side != 1 or (buy > majority and buy > sell)
    arrays: Any = majority_side(np.array([buy, sell]), np.array([sell, buy]), majority)  # type: ignore[arg-type]
    assert arrays.tolist() == [side, -side]


@given(
    some.lists(some.lists(some.none() | some.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5),
    some.sampled_from(["vote", "weight"]),
    some.sampled_from([0.0, 0.5, 0.9]),
)
def test_the_mix_of_weights_by_hand(table: list[list[float | None]], rule: str, majority: float) -> None:
    shares = parts(tuple(f"m{i}" for i in range(len(table))), {f"m{i}": i + 1 for i in range(len(table))})
    if rule == "vote":
        shares = (1 / len(table),) * len(table)
    columns = [np.array([math.nan if x is None else x for x in row]) for row in table]
    found = mixed_weights(columns, shares, rule, majority).tolist()
    for bar, mixed in enumerate(found):
        known = [(row[bar], 1 if rule == "vote" else i + 1) for i, row in enumerate(table)]
        heard = [(value, part) for value, part in known if value is not None]
        whole = sum(part for _, part in known)
        if sum(part for _, part in heard) / whole <= majority + 1e-9:
            assert math.isnan(mixed)
        elif rule == "vote":
            assert mixed == pytest.approx(float(np.median([value for value, _ in heard])), abs=1e-12)
        else:
            expected = sum(value * part for value, part in heard) / sum(part for _, part in heard)
            assert mixed == pytest.approx(expected, abs=1e-12)
            assert min(v for v, _ in heard) - 1e-12 <= mixed <= max(v for v, _ in heard) + 1e-12
        alone = mixed_weights([column[bar : bar + 1] for column in columns], shares, rule, majority)[0]
        assert alone == mixed or (math.isnan(alone) and math.isnan(mixed)), "one bar as in one go, to the bit"


# --- the built-in ones together ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["vote", "weight"])
def test_signals_look_at_nothing_ahead_and_the_window_is_long_enough(make_bars, rule: str) -> None:
    settings = together(*OF_SIGNALS, strategies_rule=rule, strategies_majority=0.3, max_history_candles=400)
    bars = make_bars(2_500)
    assert find_lookahead(registry.make("combined", settings), bars, cuts=25) is None
    assert find_window_difference(registry.make("combined", settings), bars, cuts=50) is None
    out = registry.make("combined", settings).signals(bars)
    assert {1, -1, 0} <= set(out.signal.tolist())


@pytest.mark.parametrize("rule", ["vote", "weight"])
def test_weights_look_at_nothing_ahead_and_the_window_is_long_enough(rule: str) -> None:
    strategy, bars = registry.make("combined", weights_of(*OF_WEIGHTS, strategies_rule=rule)), hours(1_500)
    assert find_lookahead(strategy, bars, cuts=15) is None
    assert find_window_difference(strategy, bars, cuts=25) is None


def test_bar_by_bar_it_says_what_history_says(make_bars) -> None:
    settings = together(*OF_SIGNALS, strategies_majority=0.3, max_history_candles=400)
    bars = make_bars(900)
    whole = registry.make("combined", settings).signals(bars)
    live = registry.make("combined", settings)
    rows = rows_of(bars)
    for end in range(1, len(rows) + 1, 7):
        said = live.latest_of(rows[max(end - live.memory_bars, 0) : end], bars.price_increment, 60)
        assert said.code == whole.signal[end - 1], end
        shown = {name: array[end - 1] for name, array in whole.values.items() if math.isfinite(array[end - 1])}
        if end >= live.warmup_bars:
            assert said.values == pytest.approx(shown, rel=1e-9) and said.strength == whole.strength[end - 1]
        else:
            assert said.call is Call.FLAT


def test_of_weights_too_bar_by_bar() -> None:
    bars, live = hours(1_200), registry.make("combined", weights_of(*OF_WEIGHTS))
    whole = registry.make("combined", weights_of(*OF_WEIGHTS)).checked(bars)
    assert isinstance(whole, ExposureArrays)
    rows = rows_of(bars)
    heard = 0
    for end in range(1, len(rows) + 1, 29):
        said = live.wanted_of(rows[max(end - live.memory_bars, 0) : end], bars.price_increment, 3600)
        assert isinstance(said, Exposure)
        expected = float(whole.weight[end - 1])
        assert said.weight == expected or (math.isnan(said.weight) and math.isnan(expected))
        heard += math.isfinite(said.weight)
    assert heard > 10


def test_a_model_among_them_is_kept_over_a_restart(make_bars) -> None:
    settings = together("logistic", "sma_cross", max_history_candles=400, walk_forward_min=10_000)
    bars = make_bars(420)
    first = registry.make("combined", settings)
    first.latest(bars.tail(400))
    assert first.fits == 1 and first.model_view() is not None
    second = registry.make("combined", settings)
    second.restore(first.state())
    assert second.latest(bars.tail(400)) == first.latest(bars.tail(400)) and second.fits == 1
    fresh = registry.make("combined", settings)
    for broken in ({}, {"version": 1, "members": 3}, {"version": 9, "members": first.state()["members"]}):
        fresh.restore(broken)
        assert not fresh.state()


# --- names, kinds, files -------------------------------------------------------------------------------------------


def test_kinds_do_not_mix_and_unknown_names_are_told() -> None:
    with pytest.raises(SettingsError, match="trend says weights, sma_cross says signals"):
        registry.make("combined", weights_of("trend", "sma_cross"))
    with pytest.raises(SettingsError, match="STRATEGIES=momentun is no strategy; did you mean momentum"):
        registry.make("combined", together("sma_cross", "momentun"))
    with pytest.raises(SettingsError, match="STRATEGY=combined needs STRATEGIES"):
        registry.make("combined", Settings(strategy="combined"))


def test_class_paths_are_names(tmp_path: Path) -> None:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "dip.py").write_text("class BuyTheDip(Strategy):\n    pass\n")
    for text, name in (
        ("strategies.dip.BuyTheDip", "dip"), ("strategies.dip.Other", "other"), ("SmaCross", "sma_cross"),
        ("somewhere.else.SmaCross", "sma_cross"), ("rsi_reversion", "rsi_reversion"), ("strategies.dip", "dip"),
        ("strategies.none.Dip", "dip"), ("os.path.Dip", "dip"),
    ):  # fmt: skip
        assert named(text, tmp_path) == name, text
    assert named("bot.strategies.steady.VolatilityHold") == "steady"


def test_a_change_of_any_member_voids_the_permission(tmp_path: Path) -> None:
    agreed = terms(together("trend", "steady"), "folder").artifacts
    assert {"bot/strategies/trend.py", "bot/strategies/steady.py", "bot/strategies/combined.py"} <= set(agreed)
    (tmp_path / "strategies").mkdir()
    file = tmp_path / "strategies" / "dip.py"
    file.write_text("a = 1\n")
    before = digests("combined", "trend", "dip", root=tmp_path)
    file.write_text("a = 2\n")
    assert digests("combined", "trend", "dip", root=tmp_path) != before
    bound = terms(together("trend", "steady", strategies_majority=0.4), "folder").settings
    assert bound["STRATEGIES"] == "trend,steady" and bound["STRATEGIES_MAJORITY"] == "0.4"


# --- the running bot -----------------------------------------------------------------------------------------------


def test_the_bot_asks_them_and_shows_each_answer(make_bars) -> None:
    settings = together("sma_cross", "momentum", max_history_candles=400)
    adapter = StrategyAdapter(settings)
    assert adapter.members == ["sma_cross", "momentum"] and adapter.name == "combined"
    keys = [row.key for row in adapter.settings_read]
    assert {"STRATEGY_MOMENTUM_BARS", "STRATEGIES", "STRATEGIES_RULE", "MA_FAST"} <= {*keys}
    bars = [Bar(60 * n, 100.0, 101.0, 99.0, 100.0 + n / 10, 1.0) for n in range(100)]
    answer = adapter.answer(AskStrategy(product(), tuple(bars)))
    assert isinstance(answer.target, Signal) and answer.target.side is Call.BUY and answer.target.probability is None
    assert answer.target.values["sma_cross"] == answer.target.values["momentum"] == 1.0
    rows = [CandleRow(b.start_s, b.open, b.high, b.low, b.close, b.volume) for b in bars]
    assert "sma_cross sma_fast" in adapter.lines(0.01, rows)[-1].values


def test_a_member_that_raises_is_named_by_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strategies").mkdir()
    source = (ROOT / "bot" / "strategies" / "momentum.py").read_text()
    broken = source.replace("before, now = closes[0], closes[-1]", "raise ValueError('no')")
    (tmp_path / "strategies" / "torn.py").write_text(broken.replace("class Momentum", "class Torn"))
    monkeypatch.setattr(registry.make, "__defaults__", (tmp_path,))
    settings = together("sma_cross", "torn", max_history_candles=400)
    bars = [Bar(60 * n, 100.0, 101.0, 99.0, 100.0, 1.0) for n in range(100)]
    answer = StrategyAdapter(settings).answer(AskStrategy(product(), tuple(bars)))
    assert isinstance(answer.target, StrategyFailure)
    assert "torn.py:" in answer.target.text and "combined.py" not in answer.target.text


def test_every_pair_of_built_in_strategies_of_a_kind_combines(make_bars) -> None:
    for pair in itertools.combinations(OF_SIGNALS, 2):
        assert len(registry.make("combined", together(*pair)).signals(make_bars(200)).signal) == 200


def test_the_doctor_says_what_decides_or_why_nothing_can() -> None:
    def said(*names: str, **more: Any) -> str:
        row = doctor.strategy(weights_of(*names, **more))
        return f"{row.mark} {row.found}"

    assert doctor.strategy(Settings(strategy="sma_cross")).found == "sma_cross, signals"
    assert said("trend", "steady") == "✓ trend, steady, combined by vote, target weights"
    assert doctor.strategy(Settings(strategy="sma_cross", regime=True)).found == "sma_cross, signals, sized by regime"
    weighted = {"strategies_rule": "weight", "strategies_weights": "trend:3"}
    assert said("trend", "steady", **weighted) == "✓ trend 75%, steady 25%, combined by weight, target weights"
    assert "✗" in said("trend", "momentum") and "of one kind" in said("trend", "momentum")


def test_a_trained_model_among_them_is_bound_and_its_notice_is_told(tmp_path: Path) -> None:
    settings = weights_of("learned", "steady", data_dir=tmp_path)
    assert terms(settings, "folder").artifacts["models"] == "none is promoted"
    told = registry.make("combined", settings).notice()
    assert told is not None and "no model is promoted" in told.text
