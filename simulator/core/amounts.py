"""Amounts, prices and sizes of a request: every way in which one may be wrong, in the venue's words.

`MalformedRequest` is a request that is none (HTTP 400); `lifecycle.Reject` is a well-formed order that is refused.
"""

from collections.abc import Mapping
from typing import Any

from simulator.core.lifecycle import Reject
from simulator.core.products import SimProduct
from simulator.core.units import parse


class MalformedRequest(Exception):
    """A request that is not one: HTTP 400 INVALID_ARGUMENT with this text."""


def number(inner: Mapping[str, Any], name: str) -> int | None:
    """Atoms of a number field; None = absent or empty."""
    value = inner.get(name)
    if value is None or value == "":
        return None
    atoms = parse(value)
    if atoms is None:
        raise MalformedRequest(f"{name} is not a number")
    return atoms


def price(product: SimProduct, inner: Mapping[str, Any], name: str) -> int:
    """Whole ticks of a price that must be there. Raises MalformedRequest or Reject."""
    atoms = number(inner, name)
    if atoms is None:
        raise MalformedRequest(f"{name} is required")
    if atoms <= 0:
        raise Reject("INVALID_LIMIT_PRICE", "Price must be positive", "PREVIEW_INVALID_LIMIT_PRICE")
    ticks, rest = divmod(atoms, product.tick)
    if rest:
        raise Reject("INVALID_PRICE_PRECISION", "Too many decimals in order price", "PREVIEW_INVALID_PRICE_PRECISION")
    return ticks


def limit_atoms(text: str) -> int:
    """Atoms of one of a product's own bounds."""
    atoms = parse(text)
    assert atoms is not None
    return atoms


def base_steps(product: SimProduct, atoms: int) -> int:
    """Whole steps of a size within the product's bounds. Raises Reject."""
    steps, rest = divmod(atoms, product.step)
    if rest:
        raise Reject("INVALID_SIZE_PRECISION", "Too many decimals in order amount", "PREVIEW_INVALID_SIZE_PRECISION")
    check_base(product, atoms)
    return steps


def check_base(product: SimProduct, atoms: int) -> None:
    """Refuse a size out of the product's bounds."""
    if atoms < limit_atoms(product.base_min_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL")
    if atoms > limit_atoms(product.base_max_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too large", "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE")


def quote_atoms(product: SimProduct, atoms: int) -> int:
    """A quote size on its grid and within the product's bounds. Raises Reject."""
    if atoms % limit_atoms(product.quote_increment):
        raise Reject(
            "INVALID_SIZE_PRECISION", "Too many decimals in order amount", "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"
        )
    check_notional(product, atoms)
    return atoms


def check_notional(product: SimProduct, value: int) -> None:
    """Refuse an order whose worth in quote money is out of the product's bounds."""
    if value < limit_atoms(product.quote_min_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL")
    if value > limit_atoms(product.quote_max_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too large", "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE")


def sizes(
    product: SimProduct, inner: Mapping[str, Any], *, buys: bool, market: bool = False, by_quote: bool = True
) -> tuple[int | None, int | None]:
    """(steps, quote atoms): exactly one of the two. `by_quote`: whether this kind of order may be sized by quote."""
    base, quote = number(inner, "base_size"), number(inner, "quote_size")
    if base is None and quote is None:
        if market:
            raise Reject(
                "INVALID_REQUEST", "Market orders cannot be placed with empty order sizes", "",
                "Market orders cannot be placed with empty order sizes",
            )  # fmt: skip
        raise MalformedRequest("base_size is required")
    if base is not None and quote is not None:
        raise MalformedRequest("only one of base_size and quote_size is allowed")
    if base is not None:
        if base <= 0:
            raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL")
        return base_steps(product, base), None
    assert quote is not None
    if not by_quote or not buys:
        raise Reject("UNKNOWN_FAILURE_REASON", "Quote size is not allowed here", "PREVIEW_INVALID_ORDER_CONFIG")
    return None, quote_atoms(product, max(0, quote))


def flag(value: object, name: str) -> bool:
    """A boolean, also as text; absent is False. Raises MalformedRequest."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false", ""):
        return value.lower() == "true"
    raise MalformedRequest(f"{name} is not a boolean")
