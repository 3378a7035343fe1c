"""Figures as people read them, in one place: thousands, fixed digits, units, never an exponent, unknown as a dash."""

import math
from decimal import Decimal
from functools import lru_cache

MINUS = "\u2212"
UNKNOWN = "\u2014"
MOST_DECIMALS = 12


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """1,234.50 with `digits` decimals; a zero has no sign."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def trimmed(value: float | None, digits: int = 6) -> str:
    """About `digits` significant digits, without zeros at the end: 1,014,420, 0.35, 0.00000012."""
    if value is None or not math.isfinite(value) or value == 0:
        return "0" if value == 0 else number(value)
    decimals = min(max(digits - 1 - math.floor(math.log10(abs(value))), 0), MOST_DECIMALS)
    text = number(value, decimals)
    return text.rstrip("0").rstrip(".") if decimals else text


def exactly(value: float) -> str:
    """A setting's or an option's number as one would type it: 1000000, 0.05, 0.00000001."""
    return plainly(value, 15)


@lru_cache(maxsize=1024)  # the limits in sentences, told again and again
def plainly(value: float | Decimal, digits: int = 6) -> str:
    """As the format `g` writes it, but never with an exponent: for limits and settings in sentences."""
    return trimmed(float(value), digits).replace(",", "").replace(MINUS, "-")


def percent(share: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """A share of one as percent: 0.0123 is 1.23 %."""
    return UNKNOWN if share is None else f"{number(share * 100, digits, signed=signed)} %"


def money(value: float | None, currency: str = "USD", *, signed: bool = False) -> str:
    return UNKNOWN if value is None else f"{number(value, signed=signed)} {currency}"


def ago(seconds: float) -> str:
    """A span as people say it: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
