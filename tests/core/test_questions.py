"""A strategy's answer comes when it comes: until then nothing is entered, exits go on, and people can see it."""

import pytest

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy, Intent, Note
from bot.domain.targets import Signal, SignalSide, StrategyFailure
from bot.engine.engine import Engine
from bot.engine.execution import questions
from bot.engine.execution.executors import NoExecutor
from bot.engine.risk import gates
from bot.engine.state.recovered import RecoveredState
from shared.control import TradingState
from shared.documents.risk import GateVerdict
from shared.times import from_epoch_ms
from tests.core.harness import START_MS, D, Rig, Said, of, one, places, quiet_settings, sells

BTC = "BTC-USD"


def slow(**settings: object) -> Rig:
    """A rig whose strategy answers only when it is told to."""
    rig = Rig(**settings)  # type: ignore[arg-type]
    rig.answers = False
    return rig


def asked(found: list[Intent]) -> AskStrategy:
    return one([intent for intent in found if isinstance(intent, AskStrategy)])


def answer(rig: Rig, bar_start_s: int, side: SignalSide = SignalSide.BUY) -> list[Intent]:
    return rig.send(ev.TargetReady(BTC, bar_start_s, Signal(side, None, {})), 10)


def told(found: list[Intent]) -> list[Note]:
    """What people are told of the strategy."""
    return [note for note in of(found, Note) if note.kind == "strategy"]


def signal_gate(rig: Rig) -> gates.Gate:
    return one([gate for gate in rig.view.gates.all(BTC) if gate.name == "signal"])


def test_the_entry_follows_the_answer_and_not_the_bar() -> None:
    rig = slow()
    question = asked(found := rig.bar("buy"))
    assert not places(found + rig.price("100"))
    assert signal_gate(rig)[2:5] == (GateVerdict.SHUT, "computing", "BUY")
    assert len(places(answer(rig, question.bar_start_s))) == 1
    assert not places(answer(rig, question.bar_start_s) + rig.price("100")), "a bar's decision is made once"


def test_what_an_older_bar_said_is_no_signal_while_the_newest_is_computed() -> None:
    rig = slow(pyramid_min_adverse_pct=0.1, pyramid_decay_min_pct=0.1)
    first = asked(rig.bar("buy", "100"))
    rig.send(ev.FeedChanged(False, "silent"))
    answer(rig, first.bar_start_s)  # a BUY that no entry came of
    rig.send(ev.FeedChanged(True, "up"))
    found = rig.bar("buy", "100", after_ms=60_000)
    assert not places(found) and signal_gate(rig).value == "computing"
    assert not places(answer(rig, asked(found).bar_start_s, SignalSide.FLAT) + rig.price("100"))


def test_exits_never_wait_for_an_answer() -> None:
    rig = Rig(take_profit_order="market", stop_loss_pct=5.0)
    rig.open_runner()
    rig.answers = False
    rig.bar("flat", after_ms=60_000)
    assert signal_gate(rig).value == "computing"
    assert len(sells(rig.price("90"))) == 1


def test_a_bar_that_a_newer_one_overtakes_decides_nothing_and_is_counted() -> None:
    rig = slow()
    old = asked(rig.bar("buy"))
    new = asked(rig.bar("buy", after_ms=60_000))
    count = rig.view.records.count
    assert count(questions.MISSED) == 1 and count("decisions") == 0
    assert not places(answer(rig, old.bar_start_s)) and signal_gate(rig).value == "computing"
    assert len(places(answer(rig, new.bar_start_s))) == 1
    assert count("decisions") == 1 and count("signal_buy") == 1 and count(questions.MISSED) == 1


def test_an_answer_that_nobody_asked_for_and_one_of_an_unknown_product_are_nothing() -> None:
    rig = slow()
    assert not rig.send(ev.TargetReady(BTC, 60, Signal(SignalSide.BUY, None, {})))
    assert not rig.send(ev.TargetReady("DOGE-USD", 60, Signal(SignalSide.BUY, None, {})))


@pytest.mark.parametrize(("settings", "limit_s"), [({"watchdog_sec": 30.0}, 30), ({"watchdog_sec": 0.0}, 10)])
def test_a_strategy_that_does_not_answer_is_told_once_and_enters_again_once_it_does(
    settings: dict[str, float], limit_s: int
) -> None:
    rig = slow(**settings)
    question = asked(rig.bar("buy"))
    assert not told(rig.tick(limit_s - 2)) and not rig.view.strategy.silent
    assert signal_gate(rig).verdict is GateVerdict.SHUT
    assert [note.text for note in told(rig.tick(3))] == [
        f"{BTC}: the strategy has not answered for {limit_s} s; no entry until it does"
    ]
    assert rig.view.strategy.silent == [BTC]
    shut = signal_gate(rig)
    assert shut.verdict is GateVerdict.FAULT and shut.value == f"no answer for {limit_s + 2} s"
    rig.send(ev.BarsClosed(BTC, "ONE_MINUTE", (Bar(question.bar_start_s + 60, 100, 100, 100, 100, 1),)), 1000)
    assert not told(rig.tick(5)), "a newer question does not begin the wait anew, nor is it told twice"
    assert signal_gate(rig).verdict is GateVerdict.FAULT
    rig.send(ev.PriceUpdate(BTC, D(100), D("99.99"), D("100.01")))
    assert [note.text for note in told(answer(rig, question.bar_start_s))] == [f"{BTC}: the strategy answers again"]
    assert not rig.view.strategy.silent
    assert signal_gate(rig).value == "computing", "of an older bar: it answers, but has not answered this one"
    assert len(places(answer(rig, question.bar_start_s + 60))) == 1


def test_a_failure_shuts_the_gate_until_a_bar_that_is_answered() -> None:
    rig = slow()
    question = asked(rig.bar("buy"))
    failure = StrategyFailure("strategies/dip.py:3: ValueError: no")
    found = rig.send(ev.TargetReady(BTC, question.bar_start_s, failure), 10)
    assert [(note.level, note.text) for note in told(found)] == [("bad", failure.text)]
    assert signal_gate(rig)[2:4] == (GateVerdict.FAULT, failure.text) and not places(rig.price("100"))
    assert len(places(answer(rig, asked(rig.bar("buy", after_ms=60_000)).bar_start_s))) == 1


def test_a_strategy_that_falls_silent_is_told_once_and_speaks_again() -> None:
    rig = slow()
    for minute, notice in enumerate(("it expired", "it expired", None, "it drifted")):
        question = asked(rig.bar("flat", after_ms=60_000 * (minute > 0)))
        target = Signal(SignalSide.FLAT, None, {"drift": 2.0})
        found = rig.send(ev.TargetReady(BTC, question.bar_start_s, target, notice=notice), 10)
        lines = [(note.level, note.text) for note in told(found)]
        assert lines == ([("bad", notice)] if minute in (0, 3) else [])
        gate = signal_gate(rig)
        assert (gate.verdict is GateVerdict.FAULT) == (notice is not None)
        assert notice is None or gate.value == notice


def test_a_clock_that_is_set_forward_makes_no_strategy_late() -> None:
    rig = slow()
    question = asked(rig.bar("buy"))
    rig.now_ms += 3_600_000
    rig.send(ev.ClockStepped(3_600_000, 0))
    assert not told(rig.tick())
    answer(rig, question.bar_start_s)


def test_a_kind_of_target_that_nothing_carries_out_is_refused_by_name() -> None:
    class Quotes:
        """Of a later kind."""

    strategy = Said(target_type=Quotes)  # type: ignore[arg-type]
    now = from_epoch_ms(START_MS)
    with pytest.raises(NoExecutor, match=r"STRATEGY=said asks for targets of the kind Quotes; .* carries out .*Signal"):
        Engine(quiet_settings(), strategy, RecoveredState(), TradingState.RUN, now)
