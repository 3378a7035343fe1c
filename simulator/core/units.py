"""Exact amounts as whole numbers: an atom is 10^-20 of any currency.

Prices enter as whole ticks and sizes as whole steps; their product times a fee rate in millionths has at most
20 decimals for every product (`products.Product` checks that), so no sum or product in the core ever rounds.
"""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

DECIMALS = 20
ONE: int = 10**DECIMALS
PPM = 1_000_000
MAX_TEXT = 64


def to_atoms(value: Decimal | str | int) -> int:
    """The whole atoms in `value`; raises ValueError when it is no finite number or finer than an atom."""
    try:
        sign, digits, exponent = Decimal(value).as_tuple()
    except (InvalidOperation, TypeError, ValueError) as error:
        raise ValueError(f"not an amount: {value!r}") from error
    if not isinstance(exponent, int) or exponent > MAX_TEXT:
        raise ValueError(f"not a finite amount: {value!r}")
    number: int = int("".join(map(str, digits)) or "0")
    shift = exponent + DECIMALS
    if shift >= 0:
        number *= int(10**shift)
    else:
        number, rest = divmod(number, int(10**-shift))
        if rest:
            raise ValueError(f"finer than any amount here: {value!r}")
    return -number if sign else number


@lru_cache(maxsize=1 << 14)  # the same prices and sizes are told in bars, books and tickers again and again
def text(atoms: int) -> str:
    """`atoms` as the venue writes amounts: no exponent, no trailing zeros, "0" for zero."""
    sign, atoms = ("-", -atoms) if atoms < 0 else ("", atoms)
    whole, fraction = divmod(atoms, ONE)
    if not fraction:
        return f"{sign}{whole}" if whole else "0"
    return f"{sign}{whole}.{fraction:020d}".rstrip("0")


def parse(value: object) -> int | None:
    """Atoms of a client's number (JSON text or number, no exponent, nothing signed but "-"), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str | int):
        return None
    written = str(value)
    if not written or len(written) > MAX_TEXT or not set(written) <= set("0123456789.-"):
        return None
    try:
        return to_atoms(written)
    except ValueError:
        return None


def ratio_text(numerator: int, denominator: int, digits: int = 14) -> str:
    """numerator / denominator as plain text, rounded half up at `digits` decimals, trailing zeros dropped."""
    if denominator == 0:
        return "0"
    scale = 10**digits
    quotient = (2 * numerator * scale + denominator) // (2 * denominator)
    sign, quotient = ("-", -quotient) if quotient < 0 else ("", quotient)
    whole, fraction = divmod(quotient, scale)
    if not fraction:
        return f"{sign}{whole}" if whole else "0"
    return f"{sign}{whole}.{fraction:0{digits}d}".rstrip("0")
