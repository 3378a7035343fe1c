"""The equity curve as the server draws it (first paint, no script, no chart library), and its figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from dashboard.views import format as f
from shared.market_data import EquityRow

RANGES = (("1d", "1D"), ("1w", "1W"), ("1m", "1M"), ("all", "All"))
_DAYS = {"1w": 7, "1m": 30}


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of the curve and of the drawdown below it (percent, <= 0)."""

    at_s: list[int]
    equity: list[float]
    drawdown: list[float]


def since(range_: str, now: datetime) -> int:
    """Where a range begins, in seconds since 1970: 1D is the UTC day, the others are rolling."""
    if range_ == "1d":
        return int(now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    days = _DAYS.get(range_)
    return 0 if days is None else int((now - timedelta(days=days)).timestamp())


def curve(rows: Sequence[EquityRow]) -> Curve:
    """The curve with its drawdown from the running peak."""
    peak, down = 0.0, []
    for row in rows:
        peak = max(peak, row.equity)
        down.append(0.0 if peak <= 0 else round(100 * (row.equity / peak - 1), 4))
    return Curve([r.at_s for r in rows], [r.equity for r in rows], down)


def plot(rows: Sequence[EquityRow] | None) -> Markup:
    """The same as an SVG drawing that scales, with a sentence for those who cannot see it."""
    if rows is None:
        return _empty("wait", "Not known yet.", "")
    if len(rows) < 2:
        return _empty("chart", "The first points come within two minutes.", "Equity is noted once a minute.")
    c = curve(rows)
    low, high = min(c.equity), max(c.equity)
    spread = (high - low) or 1.0
    first, last = c.at_s[0], c.at_s[-1]
    width = (last - first) or 1
    points = "L".join(
        f"{1000 * (t - first) / width:.0f} {90 - 80 * (e - low) / spread:.1f}"
        for t, e in zip(c.at_s, c.equity, strict=True)
    )
    deepest = min(c.drawdown)
    scale = deepest or -1.0
    down = "L".join(
        f"{1000 * (t - first) / width:.0f} {100 * d / scale:.1f}" for t, d in zip(c.at_s, c.drawdown, strict=True)
    )
    say = f"Equity from {f.money(c.equity[0])} to {f.money(c.equity[-1])} USD, largest drawdown {f.pct(deepest)}"
    return Markup(
        '<svg class="plot" role="img" aria-label="{say}" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        '<path class="c-area" d="M{points}V100H0z"/><path class="c-line" d="M{points}"/></svg>'
        '<svg class="plot dd" aria-hidden="true" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        '<path class="c-dd" d="M0 0L{down}V0z"/></svg>'
    ).format(say=say, points=points, down=down)


def _empty(icon: str, bold: str, text: str) -> Markup:
    line = Markup("<br>{}").format(text) if text else ""
    return Markup(
        '<div class="empty tall"><svg class="i" aria-hidden="true"><use href="#i-{}"/></svg><p><b>{}</b>{}</p></div>'
    ).format(escape(icon), bold, line)
