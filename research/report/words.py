"""Figures as people read them: signs, units, no −0.00, unknown as —."""

from research.metrics.summary import Metric
from shared import figures
from shared.figures import MINUS as MINUS  # noqa: PLC0414  others take it from here
from shared.figures import UNKNOWN

_SIGNED = {"total_return", "buy_and_hold", "cagr", "expectancy", "best", "worst", "realised", "open_result"}
NO_BREAK = "\u00a0"


def span(seconds: float) -> str:
    """3 d 4 h, 4 min 12 s: two units at most."""
    whole = int(seconds)
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for word, length in units:
        if whole >= length:
            parts.append(f"{whole // length}{NO_BREAK}{word}")
            whole %= length
        elif parts:
            break
        if len(parts) == 2:
            break
    return f"{NO_BREAK}".join(parts) or f"0{NO_BREAK}s"


def number(value: float, digits: int, signed: bool) -> str:
    return figures.number(value, digits, signed=signed)


def figure_text(figure: Metric, currency: str = "USD") -> str:
    """The figure's value with its unit."""
    value, signed = figure.value, figure.key in _SIGNED
    if value is None:
        return UNKNOWN
    match figure.kind:
        case "money":
            return f"{number(value, 2, signed)}{NO_BREAK}{currency}"
        case "percent":
            return f"{number(value * 100, 2, signed)}{NO_BREAK}%"
        case "count":
            return f"{value:,.0f}"
        case "span":
            return span(value)
        case _:
            return number(value, 2, signed)
