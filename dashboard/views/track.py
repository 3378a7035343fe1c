"""Geometry of the drawings that the server makes: lot tracks, gate strips, sparklines. Percentages, so they scale."""

from collections.abc import Sequence

LOW_PCT, HIGH_PCT = -2.0, 4.4


def x(pct: float) -> float:
    """Where a move of `pct` since open stands on the track, in percent of its width; clamped at the ends."""
    clamped = min(max(pct, LOW_PCT), HIGH_PCT)
    return round(100 * (clamped - LOW_PCT) / (HIGH_PCT - LOW_PCT), 2)


def beyond(pct: float | None) -> bool:
    """True where the value lies off the scale, so that its figure must stand beside it."""
    return pct is not None and not LOW_PCT <= pct <= HIGH_PCT


def line_path(values: Sequence[float], width: float = 1000, height: float = 100) -> str:
    """An SVG path through `values` at equal steps, scaled to the box; empty for fewer than two points."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    step = width / (len(values) - 1)
    points = (f"{i * step:.0f} {height - (v - low) / spread * height:.1f}" for i, v in enumerate(values))
    return "M" + "L".join(points)


def thin(values: Sequence[float], most: int) -> list[float]:
    """At most `most` of `values`, evenly, the last one always among them."""
    if len(values) <= most:
        return list(values)
    step = len(values) / most
    return [values[min(len(values) - 1, int((i + 1) * step) - 1)] for i in range(most)]
