"""Exact amounts: built from the exchange's text, rounded only here and only by name."""

import decimal
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

# Sizes reach 18 decimals and notionals 12 digits before the point; 50 digits never round a product of two.
EXACT = Context(prec=50)
# Plain `a * b` computes in the thread's own context, whose 28 digits round a product of two long amounts.
decimal.DefaultContext.prec = EXACT.prec
decimal.getcontext().prec = EXACT.prec
ZERO = Decimal(0)
_PLAIN = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_LARGEST = Decimal(10) ** 30


def amount(text: str | int | Decimal) -> Decimal:
    """The exact finite amount that `text` spells; "" is zero, as the exchange writes it for "none yet".

    Raises ValueError for anything else that is not a number of at most 30 digits before and after the point
    (floats included: a float has already lost the text it came from; a larger one is no money).
    """
    if isinstance(text, str):
        if text == "":
            return ZERO
        if _PLAIN.fullmatch(text) is None:
            raise ValueError(f"not an amount: {text[:40]!r}")
        value = Decimal(text)
    elif isinstance(text, int | Decimal) and not isinstance(text, bool):
        value = Decimal(text)
    else:
        raise ValueError(f"amount built from a {type(text).__name__}: {text!r:.40}")
    if not value.is_finite() or abs(value) >= _LARGEST:
        raise ValueError(f"not a finite amount: {text!s:.40}")
    return value


def plain(value: Decimal) -> str:
    """`value` as the exchange writes it: no exponent, no trailing zeros, "0" for zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def spoken(value: Decimal, increment: Decimal) -> str:
    """`value` for a sentence: thousands separated, as many digits as `increment` has. Exact values stand elsewhere."""
    digits = max(0, -int(increment.normalize().as_tuple().exponent))
    return f"{value:,.{digits}f}"


def floor_to(value: Decimal, increment: Decimal) -> Decimal:
    """The greatest multiple of `increment` that is not above `value` (sizes, buy prices)."""
    return EXACT.multiply((EXACT.divide(value, increment)).to_integral_value(ROUND_FLOOR), increment)


def ceil_to(value: Decimal, increment: Decimal) -> Decimal:
    """The least multiple of `increment` that is not below `value` (sell prices)."""
    return EXACT.multiply((EXACT.divide(value, increment)).to_integral_value(ROUND_CEILING), increment)


def to_units(value: Decimal, increment: Decimal) -> int:
    """`value` as a whole count of `increment`s, floored: the one crossing into the rulebook's integers."""
    return int(EXACT.divide(value, increment).to_integral_value(ROUND_FLOOR))


def from_units(count: int, increment: Decimal) -> Decimal:
    """The exact amount that `count` increments make: the one crossing back."""
    return EXACT.multiply(Decimal(count), increment)
