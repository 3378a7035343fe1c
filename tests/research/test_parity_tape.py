"""The bot's real process records a tape under virtual time; the backtester's rules, led over it, must say the same.

Then the tape is bent, line by line: whatever the bot might have done otherwise must be found and named.
"""

import copy
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from research.parity import Report, _report, compare_in, results, settings_of, tape_lines
from research.parity.findings import Cause, Findings, What
from research.parity.replay import replay
from research.parity.signals import Stretch, compare_signals
from shared.ledger.open import open_reader
from shared.market_data import open_market_reader
from shared.tape import TapeWriter, days
from simtest.plan import Act, Plan, Window
from simtest.run import folder_for, run_plan
from tests.simtest.conftest import SETTINGS, plan

Line = dict[str, Any]


def recorded(given: Plan) -> tuple[Path, list[Line]]:
    """A run's data folder and its tape."""
    folder = folder_for(given.seed)
    run_plan(dataclasses.replace(given, settings={**given.settings, "record": True}), folder)
    return folder / "data", list(tape_lines(folder / "data" / "tape"))


def report(data: Path, lines: list[Line]) -> Report:
    boot = next(line["boot"] for line in lines if "boot" in line)
    settings = dataclasses.replace(settings_of(boot["settings"]), data_dir=data)
    with closing(open_market_reader(settings.paths.market_db)) as db:
        return compare_in(db, settings, 0)


@pytest.fixture(scope="module")
def calm() -> Iterator[tuple[Path, list[Line]]]:
    """Every price judged, takes that rest, runners that trail, scalps."""
    changes = {"take_profit_pct": 0.4, "scalp_tp_min_pct": 0.05, "trail_activate_pct": 0.05, "trail_distance_pct": 0.03,
               "stop_loss_pct": 0.3, "risk_per_trade_pct": 4.0}  # fmt: skip
    data, lines = recorded(plan(12, 18.0, market="calm", settings=SETTINGS | changes))
    yield data, lines
    shutil.rmtree(data.parent, ignore_errors=True)


def found(lines: list[Line]) -> Findings:
    return replay(lines, settings_of, 0)


def test_all_agree(calm: tuple[Path, list[Line]]) -> None:
    data, lines = calm
    whole = found(lines)
    assert whole.unexplained == [], [one.line() for one in whole.unexplained]
    for what, least in ((What.ENTRY, 10), (What.EXIT, 8), (What.LEVEL, 10), (What.TRAIL, 20)):
        assert whole.agreed[what] >= least, (what, whole.agreed)
    assert whole.judged > 500
    made = report(data, lines)
    assert made.differences == 0 and made.agreed / made.compared > 0.9, made.lines
    assert made.results is not None and made.score == pytest.approx(made.agreed / made.compared * made.results)
    assert any("signals: " in line and line.startswith("✓") for line in made.lines), made.lines


def test_results_are_explained_to_the_cent(calm: tuple[Path, list[Line]]) -> None:
    data, lines = calm
    tracker = results.Tracker()
    assert len(list(tracker.watch(lines))) == len(lines)
    lots, unknown = results.earned(open_reader(data / "ledger.db"), tracker, 0)
    assert len(lots) >= 8 and unknown == 0
    for lot in lots:
        assert abs(lot.rest) < 1e-9, lot
        assert all(ms > 0 for ms in lot.latencies_ms)


def test_the_score_carries_what_was_earned(calm: tuple[Path, list[Line]]) -> None:
    """Each decision agrees, and the bot lost three times what the backtest says: no hundred percent, no tick."""
    decided = Findings()
    for _ in range(500):
        decided.same(What.ENTRY)
    zero = Decimal(0)
    parts = {"by_entry_price": Decimal(-38431), "by_exit_price": zero, "by_fees": zero, "by_size": zero}
    lot = results.LotResult("a", "BTC-USD", 0, Decimal(-59959), Decimal(-21528), **parts, latencies_ms=())
    s = settings_of(next(line["boot"] for line in calm[1] if "boot" in line)["settings"])
    made = _report(s, decided, results.lines([lot], 0, "USD"), [lot])
    assert made.apart and made.score == pytest.approx(21528 / 59959)
    assert made.lines[-1].startswith("✗ Parity 35.90 %: decisions 100.00 %") and "-59,959.00 USD" in made.lines[-1]
    # A gain too much here does not make up for a loss too much there.
    gain = results.LotResult("b", "BTC-USD", 0, Decimal(100), Decimal(50), **parts, latencies_ms=())
    loss = results.LotResult("c", "BTC-USD", 0, Decimal(-100), Decimal(-50), **parts, latencies_ms=())
    assert results.agreement([gain, loss]) == pytest.approx(0.5) and results.agreement([]) is None


def test_a_tape_that_began_earlier_is_read_from_its_start(calm: tuple[Path, list[Line]]) -> None:
    _, lines = calm
    middle = lines[len(lines) // 2]["t"]
    half = replay(lines, settings_of, middle)
    assert 0 < half.compared() < found(lines).compared() and not half.unexplained
    torn = replay(lines[len(lines) // 2 :], settings_of, 0)
    assert torn.compared() == 0 and any("not compared" in note for note in torn.notes)


def test_signals_are_made_by_the_settings_in_force(calm: tuple[Path, list[Line]], tmp_path: Path) -> None:
    """The bot is started anew with other averages: what it said before is compared by those that it said it with."""
    data = shutil.copytree(calm[0], tmp_path / "data")
    boot = copy.deepcopy(next(line["boot"] for line in calm[1] if "boot" in line))
    boot["settings"]["MA_SLOW"] = "9"
    writer = TapeWriter(data / "tape")
    writer.append(days(data / "tape")[-1], [{"t": calm[1][-1]["t"] + 1, "boot": boot}])
    writer.close()
    made = report(data, calm[1])
    assert made.differences == 0 and any("settings changed" in line for line in made.lines), made.lines
    before = report(*calm)
    assert made.agreed == before.agreed and any("signals: " in line and line[0] == "✓" for line in made.lines)
    # The settings bear on it: by the new averages alone the signals of the same bars are others.
    alone = Findings()
    with closing(open_market_reader(data / "market.db")) as db:
        compare_signals(db, [Stretch(settings_of(boot["settings"]), 0)], alone)
    assert alone.compared(What.SIGNAL) > alone.agreed[What.SIGNAL]


@pytest.mark.parametrize(
    ("key", "value"), [("SIZING", "kelly"), ("SIZING", "volatility"), ("MAX_BASE", "ETH:1"), ("ENTRY_ORDER", "maker")]
)
def test_what_the_tape_cannot_answer_is_said(key: str, value: str, calm: tuple[Path, list[Line]]) -> None:
    lines = copy.deepcopy(calm[1])
    with_setting(key, value)(lines)
    whole = found(lines)
    assert any("entries are not compared" in note and key in note for note in whole.notes), whole.notes
    assert whole.compared(What.ENTRY) == 0 and whole.agreed[What.EXIT] >= 8


def with_setting(key: str, value: str) -> Callable[[list[Line]], None]:
    def bend(lines: list[Line]) -> None:
        for line in lines:
            if "boot" in line:
                line["boot"]["settings"][key] = value

    return bend


def orders(lines: list[Line], purpose: str) -> list[tuple[Line, Line]]:
    return [(line, o) for line in lines for o in line.get("orders", ()) if o["purpose"] == purpose]


def smaller_entry(lines: list[Line]) -> None:
    _, order = orders(lines, "entry")[3]
    order["quote_size"] = str(float(order["quote_size"]) - 0.05)


def entry_left_out(lines: list[Line]) -> None:
    line, order = orders(lines, "entry")[3]
    line["orders"].remove(order)


def exit_left_out(lines: list[Line]) -> None:
    line = next(x for x in lines if "price" in x and any(lot["exit_reason"] for lot in x.get("lots", ())))
    line["lots"] = [lot for lot in line["lots"] if not lot["exit_reason"]]


def other_reason(lines: list[Line]) -> None:
    line = next(x for x in lines if "price" in x and any(lot["exit_reason"] for lot in x.get("lots", ())))
    for lot in line["lots"]:
        if lot["exit_reason"]:
            lot["exit_reason"] = "take" if lot["exit_reason"] == "stop" else "stop"


def exit_too_soon(lines: list[Line]) -> None:
    """At a judged price nothing was decided; now the bot left there."""
    held = next(lot for x in lines for lot in x.get("lots", ()) if lot["closed_ms"] is None)
    at = next(i for i, x in enumerate(lines) if held in x.get("lots", ()))
    product_id = held["product_id"]
    line = next(x for x in lines[at + 1 :] if x.get("price", [""])[0] == product_id and x["price"][4] and len(x) == 2)
    line["lots"] = [{**held, "exit_reason": "trail"}]


def take_elsewhere(lines: list[Line]) -> None:
    next(lot for x in lines for lot in x.get("lots", ()) if lot["closed_ms"] is None)["take_ticks"] += 1


BENT: dict[str, tuple[Callable[[list[Line]], None], What]] = {
    "a smaller entry": (smaller_entry, What.ENTRY),
    "an entry that was not made": (entry_left_out, What.ENTRY),
    "an exit that was not made": (exit_left_out, What.EXIT),
    "an exit for another reason": (other_reason, What.EXIT),
    "an exit too soon": (exit_too_soon, What.EXIT),
    "a take one tick off": (take_elsewhere, What.LEVEL),
    "another trailing distance": (with_setting("TRAIL_DISTANCE_PCT", "3"), What.EXIT),
    "another size": (with_setting("RISK_PER_TRADE_PCT", "4.01"), What.ENTRY),
    "another take profit": (with_setting("TAKE_PROFIT_PCT", "0.41"), What.ENTRY),
    "fewer lots": (with_setting("MAX_TOTAL_LOTS", "1"), What.ENTRY),
    "a tighter day": (with_setting("MAX_DAILY_LOSS_PCT", "0.02"), What.LIMIT),
}


@pytest.mark.parametrize("name", BENT)
def test_what_the_bot_did_otherwise_is_found(name: str, calm: tuple[Path, list[Line]]) -> None:
    bend, what = BENT[name]
    lines = copy.deepcopy(calm[1])
    bend(lines)
    whole = found(lines)
    assert any(one.what is what for one in whole.differences), (name, [d.line() for d in whole.differences])
    if name != "an entry that was not made":
        assert whole.unexplained, name


def test_a_living_bots_own_gate_explains_what_it_left_out() -> None:
    """A stream that goes silent: the backtest would have bought, the bot could not know the price."""
    windows = (Window(0, "ws_silent", "market", 120, 200, 1.0),)
    data, lines = recorded(plan(12, 11.0, windows=windows, settings=SETTINGS | {"stale_data_sec": 5.0}))
    whole = found(lines)
    shutil.rmtree(data.parent, ignore_errors=True)
    assert not whole.unexplained, [one.line() for one in whole.unexplained]
    assert {one.why for one in whole.differences} <= {Cause.GATE}
    assert whole.agreed[What.ENTRY] > 3


def test_through_crashes_and_commands() -> None:
    """Restarts in the middle of everything: each run is taken up from what it said it held."""
    acts = (Act(0, 150.0, "crash"), Act(1, 240.0, "close_lot", 0.5), Act(2, 300.0, "crash_at_step", 0.4),
            Act(3, 330.0, "kill"), Act(4, 345.0, "reset_kill"), Act(5, 350.0, "start"), Act(6, 420.0, "pause"),
            Act(7, 470.0, "start"), Act(8, 520.0, "flatten"), Act(9, 540.0, "start"))  # fmt: skip
    windows = (
        Window(0, "lost_after", "POST /orders", 60, 120, 0.3, 3.0),
        Window(1, "ws_late", "user", 200, 90, 0.5, 5),
    )
    data, lines = recorded(plan(13, 12.0, acts=acts, windows=windows, market="lively"))
    assert sum("boot" in line for line in lines) >= 3 and len(days(data / "tape")) >= 1
    made = report(data, lines)
    shutil.rmtree(data.parent, ignore_errors=True)
    assert made.differences == 0 and made.compared > 30, made.lines
