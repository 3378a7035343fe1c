"""What a sweep, a walk-forward and a check found, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import lab_form
from dashboard.views import format as f
from dashboard.views.plot import CurvePlot, PlotCurve, plot
from shared.documents.lab import LabPoint, LabSwept, LabWalked, LabWindow
from shared.times import from_epoch_ms

_FRACTIONS = frozenset({"total_return", "cagr", "max_drawdown"})
STEPS = 5


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One point. `number`: its place in the result; None = it is still to come."""

    number: int | None
    text: str
    short: str
    say: str
    css: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    head: str
    cells: Sequence[HeatCell]


@dataclass(frozen=True, slots=True)
class HeatMap:
    across: str
    down: str
    heads: Sequence[str]
    rows: Sequence[HeatRow]


@dataclass(frozen=True, slots=True)
class PointRow:
    number: int
    point: str
    value: str
    total_return: float | None
    worst: float | None
    lots: float | None
    open_lots: float | None


@dataclass(frozen=True, slots=True)
class WindowRow:
    begins: str
    chosen: str
    trained: str
    tested: str
    total_return: float | None
    holding: float | None
    worst: float | None
    lots: str


def written(value: float | None, metric: str, digits: int = 1) -> str:
    if value is None:
        return f.DASH
    return f.signed(value * 100, digits) if metric in _FRACTIONS else f.signed(value, 2 if digits else 1)


def ranked(swept: LabSwept) -> list[tuple[int, LabPoint]]:
    """Points that ran, the best first, with their number."""
    known = [(i, point) for i, point in enumerate(swept.points) if point.figures.get(swept.metric) is not None]
    return sorted(known, key=lambda one: -(one[1].figures[swept.metric] or 0.0))


def heat_map(swept: LabSwept, grid: Sequence[str]) -> HeatMap | None:
    """The metric over one or two axes; None where there are more, or none."""
    axes = [lab_form.axis_values(text) for text in grid]
    if not 1 <= len(axes) <= 2:
        return None
    across, down = axes[0], axes[1] if len(axes) == 2 else [""]
    found = {tuple(point.values): i for i, point in enumerate(swept.points)}
    best = ranked(swept)[0][0] if ranked(swept) else None
    known = [abs(point.figures.get(swept.metric) or 0.0) for point in swept.points]
    most = max(known, default=0.0) or 1.0
    rows = []
    for low in reversed(down):
        cells = []
        for high in across:
            number = found.get((high, low) if len(axes) == 2 else (high,))
            cells.append(_cell(swept, number, best, most))
        rows.append(HeatRow(low, cells))
    words = [lab_form.label_of(axis) for axis in swept.axes]
    return HeatMap(words[0], words[1] if len(words) == 2 else "", across, rows)


def _cell(swept: LabSwept, number: int | None, best: int | None, most: float) -> HeatCell:
    if number is None:
        return HeatCell(None, "·", "·", "to come", "pend")
    point = swept.points[number]
    value = point.figures.get(swept.metric)
    named = ", ".join(lab_form.said(k, v) for k, v in zip(swept.axes, point.values, strict=True))
    if value is None:
        return HeatCell(number, f.DASH, f.DASH, f"{named}: {point.error or 'not defined'}", "pend")
    step = min(STEPS, int(abs(value) / most * STEPS) + 1) if value else 0
    css = f"q{'p' if value > 0 else 'n'}{step}" if step else "q0"
    text = written(value, swept.metric)
    lots, still = point.figures.get("lots"), point.figures.get("open_lots")
    say = f"{named}: {text}; {f.count(round(lots or 0))} lots closed, {f.count(round(still or 0))} open. Open its run"
    return HeatCell(number, text, written(value, swept.metric, 0), say, f"{css} best" if number == best else css)


def best_points(swept: LabSwept, most: int = 10) -> list[PointRow]:
    return [
        PointRow(
            i, ", ".join(lab_form.said(k, v) for k, v in zip(swept.axes, point.values, strict=True)),
            written(point.figures.get(swept.metric), swept.metric, 2), _percent(point.figures.get("total_return")),
            _percent(point.figures.get("max_drawdown")), point.figures.get("lots"), point.figures.get("open_lots"),
        )
        for i, point in ranked(swept)[:most]
    ]  # fmt: skip


def _percent(part: float | None) -> float | None:
    return None if part is None else part * 100


def swept_sentence(swept: LabSwept) -> tuple[str, str]:
    """The sentence on top, and its proof: how many points beat holding, and whether the best is more than luck."""
    returns = [v for point in swept.points if (v := point.figures.get("total_return")) is not None]
    if not returns:
        return "No point could run.", next((point.error for point in swept.points if point.error), "")
    held = swept.buy_and_hold
    ahead = sum(value > (held or 0.0) for value in returns)
    sure = "" if held is None else f", while holding made {f.signed_pct(held * 100)}"
    best = f"The best of {f.plural(len(returns), 'point')} made {f.signed_pct(max(returns) * 100)}{sure}."
    proof = f"{f.count(ahead)} of {f.count(len(returns))} ended above holding." if held is not None else ""
    if swept.deflated is not None:
        proof += (
            f" Chance that the best is more than luck and market: {f.pct(swept.deflated * 100, 1)} (deflated Sharpe)."
        )
    if swept.note:
        proof += f" {swept.note}."
    return best, proof.strip()


def windows(walked: LabWalked) -> list[WindowRow]:
    return [_window(one, walked.metric) for one in walked.windows]


def _window(one: LabWindow, metric: str) -> WindowRow:
    chosen = "none could run" if one.chosen is None else ", ".join(
        lab_form.said(k, v) for k, v in one.chosen.items())  # fmt: skip
    lots, still = one.tested.get("lots"), one.tested.get("open_lots") or 0.0
    return WindowRow(
        f"{from_epoch_ms(one.test_from_s * 1000):%Y-%m-%d}", chosen, written(one.trained, metric, 2),
        written(one.tested.get(metric), metric, 2), _percent(one.tested.get("total_return")),
        _percent(one.tested.get("buy_and_hold")), _percent(one.tested.get("max_drawdown")),
        f.DASH if lots is None else f"{f.count(round(lots))} closed, {f.count(round(still))} sold",
    )  # fmt: skip


def growth_plot(walked: LabWalked) -> CurvePlot | None:
    """Equity over all tests in a row, begun with 100."""
    if len(walked.growth) < 2 or not walked.windows:
        return None
    moments = [walked.windows[0].test_from_s, *(one.test_to_s for one in walked.windows)][: len(walked.growth)]
    if len(moments) != len(walked.growth):
        return None
    return plot([PlotCurve("ln", moments, [value * 100 for value in walked.growth])], "Growth over all tests", 100.0)
