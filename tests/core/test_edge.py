"""Every way out of a lot must pay its fees (docs/trading-rules.md §5a): take profit, and trailing stop at its worst."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import events as ev
from bot.domain.balances import FeeRates
from bot.domain.intents import Note, PlaceOrder
from bot.domain.kinds import Side
from bot.domain.lots import Lot
from bot.engine.execution import edge
from bot.engine.risk.policy import Gate
from cli.live_checks import ways_out_pay
from shared.documents.risk import GateVerdict
from shared.settings import Settings, load
from tests.core.harness import D, Rig
from tests.core.rulebook import r

INTRO = FeeRates(D("0.005"), D("0.009"), "Intro 1")
CHEAP = FeeRates(D("0.0005"), D("0.001"), "VIP")
BY_HAND = frozenset({"TRAIL_ACTIVATE_PCT"})


def gate_of(rig: Rig) -> Gate:
    return next(g for g in rig.view.gates.all("BTC-USD") if g.name == "edge")


def entries(rig: Rig) -> list[PlaceOrder]:
    return [i for i in rig.intents if isinstance(i, PlaceOrder) and i.spec.side is Side.BUY]


def test_a_trail_that_locks_in_a_loss_is_named_and_shuts_the_gate() -> None:
    """The 3.8 % take pays; the trail at 1.9 % less 0.4 % does not: that is what was not judged."""
    rig = Rig(edge_gate=True, by_hand=BY_HAND)
    rig.bar("buy")
    gate = gate_of(rig)
    assert gate.verdict is GateVerdict.SHUT and gate.value == "trail: 1.49 % gross, costs 1.81 %"
    assert gate.limit == "≥ 1.86 %" and "TRAIL_ACTIVATE_PCT" in (gate.opens or "") and not entries(rig)
    shown = rig.view.gates.document().products[0].sentence
    assert shown == "Buys, but an exit would not cover its fees (trail: 1.49 % gross, costs 1.81 %): needs ≥ 1.86 %"


def test_left_at_its_default_the_trail_is_lifted_to_what_pays_and_people_are_told() -> None:
    rig = Rig(edge_gate=True)
    rig.bar("buy")
    gate = gate_of(rig)
    assert gate.verdict is GateVerdict.OPEN and gate.value == "take 3.80 %, trail 1.87 %" and entries(rig)
    told = [i.text for i in rig.intents if isinstance(i, Note) and "TRAIL_ACTIVATE_PCT" in i.text]
    assert len(told) == 1 and told[0].startswith("TRAIL_ACTIVATE_PCT is 2.28 instead of its default 1.9")
    found = rig.view.risk.document().adjusted
    assert [(one.key, one.value) for one in found] == [("TRAIL_ACTIVATE_PCT", "2.28")] and found[0].why == told[0]
    rig.send(ev.FeeUpdate(CHEAP))
    assert not rig.view.risk.document().adjusted, "at a cheap tier the default pays"
    last = [i.text for i in rig.intents if isinstance(i, Note)][-1]
    assert last == "TRAIL_ACTIVATE_PCT is 1.9 again: it covers this tier's fees"


def _runner(rig: Rig) -> Lot:
    rig.bar("buy")
    rig.fills_all(entries(rig)[0].spec, "1", "100")
    return rig.lots[0]


@pytest.mark.parametrize(("gate_on", "active"), [(True, False), (False, True)])
def test_exits_trail_by_the_lifted_value_and_without_the_gate_by_the_older_default(gate_on: bool, active: bool) -> None:
    rig = Rig(edge_gate=gate_on, take_profit_order="market")
    _runner(rig)
    rig.price("102")
    assert rig.lots[0].trail_active is active, "1.9 % is reached, 2.28 % is not"
    rig.price("102.28")
    assert rig.lots[0].trail_active


def test_a_trail_that_the_take_comes_before_is_no_way_out() -> None:
    rig = Rig(edge_gate=True, by_hand=BY_HAND, runner_tp_mult=1.0)
    rig.bar("buy")
    assert gate_of(rig).verdict is GateVerdict.OPEN and gate_of(rig).value == "take 1.90 %"


def test_a_take_at_market_is_judged_with_the_taker_fee() -> None:
    rig = Rig(edge_gate=True, runner_tp_mult=0.9, take_profit_order="market")
    rig.bar("buy")
    assert gate_of(rig).value == "take: 1.71 % gross, costs 1.82 %"


PERCENT = st.floats(0.0, 2.0).map(lambda x: round(x, 3))


@given(PERCENT, PERCENT, PERCENT, st.floats(0.01, 60.0))
def test_the_lifted_trail_pays_and_a_hundredth_less_would_not(
    entry: float, exit_: float, least: float, distance: float
) -> None:
    at = r.trail_pays_from_pct(distance, entry, exit_, least)
    assert r.edge_open(r.trail_worst_pct(at, distance), entry, exit_, least)
    below = r.trail_worst_pct(at - 0.011, distance)
    assert not r.edge_open(below, entry, exit_, least)


@given(st.floats(0.1, 5.0), st.floats(0.1, 5.0), st.floats(0.01, 2.0), st.booleans(), st.booleans())
def test_the_gates_text_and_the_rule_that_the_backtest_compiles_say_the_same(
    tp: float, activate: float, distance: float, by_hand: bool, resting: bool
) -> None:
    s = Settings(
        trail_activate_pct=activate, trail_distance_pct=distance, take_profit_order="limit" if resting else "market",
        by_hand=BY_HAND if by_hand else frozenset(),
    )  # fmt: skip
    fees = edge.fees_of(s, INTRO)
    ways = edge.ways_out(s, fees, tp)
    at = edge.trail_activate_pct(s, fees)
    assert all(way.pays for way in ways) == r.ways_out_open(
        tp, at, distance, fees.entry, fees.take, fees.market, s.min_edge_pct
    )
    assert by_hand or all(way.pays for way in ways if way.word == "trail")


def test_what_a_person_set_is_known_as_set_by_hand(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("TRAIL_ACTIVATE_PCT=1.9\n")
    assert "TRAIL_ACTIVATE_PCT" in load(env, {}).settings.by_hand
    assert "TRAIL_ACTIVATE_PCT" not in load(tmp_path / "none", {"PRODUCTS": "BTC-USD"}).settings.by_hand
    assert load(tmp_path / "none", {"TRAIL_ACTIVATE_PCT": "2"}).settings.by_hand == {"TRAIL_ACTIVATE_PCT"}


def test_enable_live_gives_no_tick_where_a_way_out_loses() -> None:
    fine = ways_out_pay(Settings(), INTRO)
    assert fine.mark == "✓" and "TRAIL_ACTIVATE_PCT is 2.28" in fine.found and "costs 1.41 %" in fine.found
    assert "trail: 1.87 % gross, costs 1.82 %" in fine.found
    by_hand = ways_out_pay(Settings(by_hand=BY_HAND), INTRO)
    assert by_hand.mark == "!" and "At a loss: a runner's trail" in by_hand.found
    ungated = ways_out_pay(Settings(edge_gate=False), INTRO)
    assert ungated.mark == "✗" and "trail: 1.49 % gross, costs 1.81 %" in ungated.found
    late = ways_out_pay(Settings(take_profit_order="market"), INTRO)
    assert late.mark == "!" and "a last scalp's take" in late.found
    none = ways_out_pay(Settings(take_profit_pct=0.5, scalp_tp_min_pct=0.5), INTRO)
    assert none.mark == "✗" and "No kind of lot covers" in none.found


@pytest.mark.parametrize(("entry", "take", "pays"), [(1.0, 0.5, True), (0.5, 1.0, False)])
def test_the_fee_of_the_sale_is_of_more_money_than_that_of_the_purchase(entry: float, take: float, pays: bool) -> None:
    """1.0 + 0.5 × 1.0158 and 0.5 + 1.0 × 1.0158 are not the same: 1.512 % lies between."""
    assert r.ways_out_open(1.58, 2.0, 0.1, entry, take, 9.0, 1.58 - 1.512) == pays


@pytest.mark.parametrize(("entry", "market", "pays"), [(1.0, 0.5, True), (0.5, 1.0, False)])
def test_so_it_is_with_the_trailing_stop(entry: float, market: float, pays: bool) -> None:
    worst = r.trail_worst_pct(1.9, 0.3)
    assert 1.0 + 0.5 * (1 + worst / 100) < 1.512 < 0.5 + 1.0 * (1 + worst / 100)
    assert r.ways_out_open(3.8, 1.9, 0.3, entry, market, market, worst - 1.512) == pays
