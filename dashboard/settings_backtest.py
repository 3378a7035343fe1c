"""What a change of settings would have made of the past: the same bars with the old and the new values, beside holding.

COIN-LAB computes both; nothing is kept, and neither counts as a trial. Bars that are held back are not looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.hub import Hub
from dashboard.lab_desk import LabDesk, now_ms
from dashboard.lab_reader import LabLook
from dashboard.lab_tries import tried
from dashboard.settings_form import label_of
from dashboard.views import format as f
from dashboard.views.plot import CurvePlot, PlotCurve, plot
from dashboard.views.snapshot import Snapshot
from shared.documents.lab import LabChecked, LabKind, LabOutcome, LabQuestion, LabState, LabTry, decode_result
from shared.files import Unreadable, read_bytes
from shared.lab_files import new_hex_id
from shared.lab_settings import OFFERED
from shared.setting_change import SettingsEffect
from shared.times import from_epoch_ms

_ELSEWHERE = frozenset({"PRODUCTS", "GRANULARITY"})  # the data's own
_FIGURES = (
    ("total_return", "Return"), ("realised", "Closed"), ("open_result", "Open"), ("max_drawdown", "Deepest fall"),
    ("lots", "Lots closed"),
)  # fmt: skip
Point = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class SettingsBacktest:
    """`wait`: why there is no answer yet; `error`: why there is none. `rests_on`: in a line, for the audit trail."""

    data: str = ""
    wait: str = ""
    error: str = ""
    curves: CurvePlot | None = None
    rows: Sequence[tuple[str, str, str]] = ()
    points: Sequence[Point] = ()
    rests_on: str = ""
    checks: bool = False  # whether the check for look-ahead is still to be asked for
    strategy: str = ""
    left_out: Sequence[str] = ()  # changed settings that no backtest applies


def compared(made: SettingsEffect) -> list[str]:
    """The changed settings that a backtest applies. One that is emptied cannot be said to it."""
    return [key for key, (_, new) in _values(made).items() if key in OFFERED - _ELSEWHERE and new]


def _values(made: SettingsEffect) -> dict[str, tuple[str, str]]:
    """Each changed setting: (as it is, as it would be)."""
    own = {edit.key: (edit.now, edit.new) for edit in made.edits}
    return own | {key: (now, new) for key, now, new in made.follows}


def sets_of(look: LabLook, products: Sequence[str]) -> tuple[str, ...]:
    """Candle sets by name, those of products that are traded first."""
    known = look.sets.sets if look.sets is not None else []
    ours = [one.name for one in known if one.product_id in products]
    return (*ours, *(one.name for one in known if one.name not in ours), *look.unread)


async def backtest(hub: Hub, s: Snapshot, look: LabLook, made: SettingsEffect, data: str) -> SettingsBacktest:
    """Both runs on one candle set."""
    keys, values = compared(made), _values(made)
    if not keys:
        return SettingsBacktest(data, error="None of these settings is part of a backtest.")
    if data not in sets_of(look, ()):
        return SettingsBacktest(data, error="There is no such candle set.")
    runs, desk = list[LabOutcome](), LabDesk(hub)
    for side in (0, 1):
        question = _question(s, data, {key: values[key][side] for key in keys if values[key][side]})
        found = await tried(desk, LabTry(page=new_hex_id(), seq=1, at_ms=now_ms(), question=question))
        if isinstance(found, str):
            return SettingsBacktest(data, wait=found)
        if found.outcome is None:
            return SettingsBacktest(data, error=f"{f.clean(found.error)}.")
        runs.append(found.outcome)
    return _view(data, runs[0], runs[1], look, [label_of(edit.key) for edit in made.edits if edit.key not in keys])


def _question(s: Snapshot, data: str, values: Mapping[str, str]) -> LabQuestion:
    """At the account's fees, where they are known."""
    account = s.state.account if s.state is not None else None
    if account is None:
        return LabQuestion(data=[data], settings=dict(values))
    maker, taker = account.maker_fee_pct, account.taker_fee_pct
    return LabQuestion(data=[data], settings=dict(values), maker_pct=maker, taker_pct=taker)


def _view(data: str, now: LabOutcome, new: LabOutcome, look: LabLook, left_out: list[str]) -> SettingsBacktest:
    curves = None
    if len(now.curve.equity) > 1 and len(new.curve.equity) > 1:
        lines = [  # the first one has its end marked
            PlotCurve("ln", new.curve.times_s, new.curve.equity),
            PlotCurve("lnp d1", now.curve.times_s, now.curve.equity),
            PlotCurve("ln2", new.curve.times_s, new.curve.holding),
        ]
        curves = plot(lines, f"Equity on {data}: as it is, with the change, and of holding", new.curve.cash)
    holding = _percent(new.figures.get("buy_and_hold"))
    before, after = _percent(now.figures.get("total_return")), _percent(new.figures.get("total_return"))
    rows = [*((title, _text(key, now), _text(key, new)) for key, title in _FIGURES), ("Holding", holding, holding)]
    look_ahead, checks = _looked(look, new.strategy)
    return SettingsBacktest(
        data, curves=curves, rows=rows, points=(_reason(now, new, look), look_ahead), checks=checks,
        rests_on=f"{data}: return {before} to {after}, holding {holding}".replace(f.NBSP, " "), strategy=new.strategy,
        left_out=left_out,
    )  # fmt: skip


def _text(key: str, run: LabOutcome) -> str:
    value = run.figures.get(key)
    if value is None:
        return f.DASH
    if key in ("total_return", "max_drawdown"):
        return _percent(value)
    return f.count(round(value)) if key == "lots" else f"{f.signed(value)}{f.NBSP}{run.currency}"


def _percent(value: float | None) -> str:
    return f.DASH if value is None else f.signed_pct(value * 100)


def _reason(now: LabOutcome, new: LabOutcome, look: LabLook) -> Point:
    """A backtest is evidence, and no reason by itself."""
    holding = new.figures.get("buy_and_hold")
    before, after = now.figures.get("total_return"), new.figures.get("total_return")
    trials = look.sets.trials if look.sets is not None else 0
    many = f" {f.plural(trials, 'trial')} kept so far: the best of many may be luck." if trials else ""
    bold = "Not a reason by itself."
    if holding is None or before is None or after is None:
        return ("off", "info", bold, f"It cannot be held against holding here.{many}")
    if max(before, after) < holding:
        return ("shut", "shut", bold, f"Both lose to holding.{many}")
    word = "Better than before" if after > before else "Not better than before"
    return ("off", "info", bold, f"{word}, on the past of one product.{many}")


def _looked(look: LabLook, strategy: str) -> tuple[Point, bool]:
    """The newest check for look-ahead of this strategy; whether one is still to be asked for."""
    for job in look.jobs:
        if job.request.kind is not LabKind.CHECK or job.state is not LabState.DONE:
            continue
        try:
            found = decode_result(read_bytes(job.folder / "result.json"), LabChecked)
        except (OSError, Unreadable):
            continue
        if found.strategy != strategy:
            continue
        failed = [f.clean(line.name) for line in found.lines if not line.passed]
        day = f"{from_epoch_ms(job.request.at_ms):%-d %b}"
        if failed:
            return ("bad", "bads", "It looks ahead.", f"{strategy} failed {f.listed(failed)} on {day}."), False
        tested = f.plural(sum(line.tested for line in found.lines), "check")
        return (
            "ok",
            "ok",
            "No look-ahead.",
            f"{strategy} passed {tested} on {f.count(found.bars)} bars, {day}.",
        ), False
    return ("off", "unk", "Not checked for look-ahead.", f"Nobody has checked {strategy} in this Lab."), True
