"""I17: the judge holds the watcher's alerts against what happened, and a run with a watcher beside it is judged."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from simtest.judge.alert_invariants import RULES_JUDGED, alerts
from simtest.judge.case import Case, index
from simtest.judged_run import judged
from simtest.plan import Act, Window
from tests.simtest.conftest import SETTINGS, plan
from watch.rules.table import RULES

S = 1_000_000
Row = dict[str, Any]


def state(at_s: float, life: int = 1, **more: Any) -> Row:
    same = {"latch": None, "status": "running", "word": "running", "phase": "trading", "ledger_ok": True}
    return {"us": round(at_s * S), "life": life, **same, **more}


def states(from_s: int, to_s: int, life: int = 1, **more: Any) -> list[Row]:
    return [state(half / 2, life, **more) for half in range(2 * from_s, 2 * to_s)]


def change(at_s: float, *rules: str, came_back: int = 0) -> Row:
    alert = {"cause": f"{rules[0]}.main", "rules": list(rules), "came_back": came_back} if rules else None
    return {"us": round(at_s * S), "alerts": [alert] if alert else []}


def found(
    written: list[Row], changes: Iterable[Row], *, lives: list[Row] | None = None, told_ms: Iterable[int] = ()
) -> tuple[list[str], Case]:
    one = [{"life": 1, "from_us": 0, "to_us": None, "end": None}]
    every = [{"cause": "kill.main", "told_ms": list(told_ms)}]
    truth = {
        "end_us": 200 * S, "acts": [], "lives": lives or one, "states": written,
        "watch": {"changes": list(changes), "all": every},
    }  # fmt: skip
    case = Case(Path("/nowhere"), truth, {})
    index(case)
    return list(alerts(case)), case


KILLED = states(0, 60) + states(60, 100, latch="k1", word="killed") + states(100, 200)
BLIND = states(0, 60) + states(60, 100, word="blind") + states(100, 200)
UNWRITTEN = states(0, 60) + states(60, 100, ledger_ok=False) + states(100, 200)
IN_SAFE = states(0, 60) + states(60, 100, status="safe", word="safe") + states(100, 200)
STILL = states(0, 55) + states(100, 200)
DIED = states(0, 60) + states(100, 110, 2, phase="syncing") + states(110, 200, 2)
TWO_LIVES: list[Row] = [
    {"life": 1, "from_us": 0, "to_us": 60 * S, "end": "crash: time"},
    {"life": 2, "from_us": 99 * S, "to_us": None, "end": None},
]
CASES = {
    "killed": KILLED, "exchange_gone": BLIND, "ledger_unwritable": UNWRITTEN, "bot_safe": IN_SAFE,
    "bot_silent": STILL, "bot_dead": DIED,
}  # fmt: skip


def _lives(rule: str) -> list[Row] | None:
    return TWO_LIVES if rule == "bot_dead" else None


@pytest.mark.parametrize("rule", CASES)
def test_an_alert_in_time_is_no_breach(rule: str) -> None:
    breaches, case = found(CASES[rule], [change(61.5, rule), change(113)], lives=_lives(rule))
    assert breaches == []
    assert case.judged[f"I17 ALERT/{RULES_JUDGED[rule]}"] == 1


@pytest.mark.parametrize("rule", CASES)
def test_one_that_never_fires_is(rule: str) -> None:
    breaches, _ = found(CASES[rule], [], lives=_lives(rule))
    assert [text for text in breaches if text.startswith(f"{rule} was due")]


@pytest.mark.parametrize("rule", CASES)
def test_one_that_comes_late_is(rule: str) -> None:
    breaches, _ = found(CASES[rule], [change(80, rule), change(113)], lives=_lives(rule))
    assert [text for text in breaches if text.startswith(f"{rule} was due")]


@pytest.mark.parametrize("rule", CASES)
def test_one_that_ends_while_its_cause_lasts_is(rule: str) -> None:
    breaches, _ = found(CASES[rule], [change(61.5, rule), change(90)], lives=_lives(rule))
    assert [text for text in breaches if text.startswith(f"{rule} was due")]


@pytest.mark.parametrize("rule", CASES)
def test_one_without_a_cause_is(rule: str) -> None:
    breaches, _ = found(states(0, 200), [change(61.5, rule), change(70)])
    assert breaches == [f"{rule} fires at {61.5 * S:.0f} us, and nothing caused it"]


@pytest.mark.parametrize("rule", CASES)
def test_one_that_never_ends_is(rule: str) -> None:
    breaches, _ = found(CASES[rule], [change(61.5, rule)], lives=_lives(rule))
    assert [text for text in breaches if "is open in the end" in text]
    damped, _ = found(CASES[rule], [change(61.5, rule, came_back=6)], lives=_lives(rule))
    assert damped == [], "what came back six times must be clear for three minutes"


def test_a_cause_is_told_ten_times_an_hour_at_most() -> None:
    assert found(states(0, 200), [], told_ms=range(0, 10_000, 1000))[0] == []
    breaches, _ = found(states(0, 200), [], told_ms=range(0, 11_000, 1000))
    assert breaches == ["the alert kill.main was told more than 10 times in an hour"]


def test_the_rules_are_the_watchers() -> None:
    assert RULES_JUDGED.keys() <= {rule.name for rule in RULES}
    assert CASES.keys() == RULES_JUDGED.keys()


@pytest.mark.simulation
@pytest.mark.timeout(300)
def test_a_watcher_beside_a_bot_is_judged() -> None:
    """Killed, dead, deaf, and without a ledger: each is told, and each is over in the end."""
    acts = (
        Act(0, 70.0, "kill", 0.5), Act(1, 90.0, "reset_kill", 0.5), Act(2, 95.0, "start", 0.5),
        Act(3, 250.0, "suspend_long", 0.1),
    )  # fmt: skip
    windows = (
        Window(0, "ws_silent", "market", 120.0, 30.0, 1.0), Window(1, "ledger_full", "", 180.0, 30.0, 1.0),
    )  # fmt: skip
    record = judged(plan(minutes=5.0, settings=SETTINGS, acts=acts, windows=windows, watched=True, state_s=0.5))
    assert record["breaches"] == {}
    counted = {rule for rule, n in record["judged"].items() if n and rule.startswith("I17")}
    assert counted >= {"I17 ALERT/killed", "I17 ALERT/blind", "I17 ALERT/without a cause", "I17 ALERT/over"}
