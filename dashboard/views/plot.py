"""Curves over time as the server draws them: stretched paths, words that are not, positions in percent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from shared.times import from_epoch_ms

SIZE = 1000.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class PlotLine:
    css: str
    path: str


@dataclass(frozen=True, slots=True)
class PlotLabel:
    at: float  # percent
    text: str
    css: str = ""


@dataclass(frozen=True, slots=True)
class CurvePlot:
    """`grid`: heights of the lines across, in the drawing's thousandths; `base`: of the cash at the start."""

    lines: Sequence[PlotLine]
    grid: Sequence[float]
    y: Sequence[PlotLabel]
    x: Sequence[PlotLabel]
    base: float | None
    ends: Sequence[PlotLabel]
    say: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PlotCurve:
    css: str
    times_s: Sequence[int]
    values: Sequence[float]
    name: str = ""


def plot(curves: Sequence[PlotCurve], say: str, base: float | None = None) -> CurvePlot:
    """The curves on one scale of time and value. At least one has two points."""
    values = [v for curve in curves for v in curve.values] + ([] if base is None else [base])
    low, high, ticks = scale(min(values), max(values))
    first = min(curve.times_s[0] for curve in curves)
    last = max(curve.times_s[-1] for curve in curves)

    def y(value: float) -> float:
        return round(SIZE * (1 - (value - low) / (high - low)), 1)

    lines = [PlotLine(curve.css, path(curve, first, last, low, high)) for curve in curves]
    ends = [PlotLabel(y(curve.values[-1]) / 10, f.number(curve.values[-1], 0), curve.css) for curve in curves]
    digits = 0 if high - low > 20 else 2
    labels = [PlotLabel(y(tick) / 10, f.number(tick, digits)) for tick in ticks if abs(y(tick) - ends[0].at * 10) > 45]
    return CurvePlot(
        lines, [y(tick) for tick in ticks], labels, times(first, last), None if base is None else y(base), ends, say,
        low, high,
    )  # fmt: skip


def scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """(lowest, highest, the round values between): a little room above and below."""
    room = (high - low or abs(high) or 1.0) * 0.06
    low, high = low - room, high + room
    raw = (high - low) / 5
    power = 10.0 ** len(str(int(raw))) / 10 if raw >= 1 else 10.0 ** -(len(str(int(1 / raw))))
    step = next((s * power for s in _STEPS if s * power >= raw), 10 * power)
    tick, ticks = -(-low // step) * step, []
    while tick <= high:
        ticks.append(round(tick, 6))
        tick += step
    return low, high, ticks


def path(curve: PlotCurve, first: int, last: int, low: float, high: float) -> str:
    wide, tall = (last - first) or 1, (high - low) or 1.0
    points = zip(curve.times_s, curve.values, strict=True)
    return "M" + "L".join(f"{SIZE * (t - first) / wide:.1f} {SIZE * (1 - (v - low) / tall):.1f}" for t, v in points)


def times(first: int, last: int) -> list[PlotLabel]:
    """Up to twelve moments below the plot; every second one is left out on a phone."""
    wide = (last - first) or 1
    days = wide / DAY_S
    if days > 60:
        marks = _months(first, last, 1 if days < 400 else 3 if days < 1200 else 12)
        texts = [f"{at:%b}" if at.month > 1 or days < 60 else f"{at:%Y}" for at in map(_utc, marks)]
    else:
        step = max(3600, int(-(-wide // 8 // 3600) * 3600)) if days < 4 else DAY_S * max(1, round(days / 8))
        marks = list(range(-(-first // step) * step, last, step))
        texts = [f"{_utc(at):%H:%M}" if days < 4 else f"{_utc(at):%d %b}".lstrip("0") for at in marks]
    shown = zip(marks, texts, strict=True)
    return [
        PlotLabel(round((at - first) / wide * 100, 2), text, "alt" if i % 2 else "")
        for i, (at, text) in enumerate(shown)
    ]


def _utc(at_s: int) -> datetime:
    return from_epoch_ms(at_s * 1000)


def _months(first: int, last: int, every: int) -> list[int]:
    at = from_epoch_ms(first * 1000)
    year, month = at.year, at.month
    out: list[int] = []
    while True:
        month += 1
        if month > 12:
            year, month = year + 1, 1
        moment = int(at.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0).timestamp())
        if moment > last:
            return out
        if (month - 1) % every == 0:
            out.append(moment)


def spark(values: Sequence[float], low: float, high: float, points: int = 60) -> str:
    """A small curve of a table's cell."""
    tall, every = (high - low) or 1.0, max(1, len(values) // points)
    kept = [*values[::every], values[-1]]
    wide = len(kept) - 1 or 1
    return "M" + "L".join(f"{SIZE * i / wide:.0f} {SIZE * (1 - (v - low) / tall):.0f}" for i, v in enumerate(kept))
