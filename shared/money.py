"""Exact amounts: built from the exchange's text, rounded only here and only by name."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation

# Sizes reach 18 decimals and notionals 12 digits before the point; 50 digits never round a product of two.
EXACT = Context(prec=50)
ZERO = Decimal(0)


def amount(text: str | int | Decimal) -> Decimal:
    """The exact finite amount that `text` spells; "" is zero, as the exchange writes it for "none yet".

    Raises ValueError for anything else that is not a finite plain number (floats included: a float has
    already lost the text it came from).
    """
    if isinstance(text, float):
        raise ValueError(f"amount built from a float: {text!r}")
    if text == "":
        return ZERO
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"not an amount: {text!r}") from error
    if not value.is_finite():
        raise ValueError(f"not a finite amount: {text!r}")
    return value


def plain(value: Decimal) -> str:
    """`value` as the exchange writes it: no exponent, no trailing zeros, "0" for zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


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
