"""What a person may do to a lot: move its take or its stop, sell a part of it. Each check is one sentence why not.

The engine refuses by it, and the dashboard says so before anything is sent, so the two never disagree. Prices are in
quote units, sizes in base units; a check that passes returns None.
"""

from decimal import Decimal

from shared.money import ZERO, amount, floor_to, plain

OFF = "none"  # the price that turns a stop off


def positive(text: str, what: str) -> Decimal:
    """The number above zero that a person wrote. Raises ValueError with a sentence."""
    try:
        value = amount(text.strip())
    except ValueError as error:
        raise ValueError(f"{what} is not a number: {text.strip()[:40]}") from error
    if value <= 0:
        raise ValueError(f"{what} must be above zero")
    return value


def take_refusal(
    price: Decimal,
    *,
    increment: Decimal,
    mark: Decimal | None,
    stop: Decimal | None,
    break_even: Decimal,
    at_a_loss: bool,
) -> str | None:
    """Why a take profit must not rest at `price`. `break_even`: the price at which the lot earns nothing after fees."""
    steps = _steps(price, increment, "the price")
    if steps is not None:
        return steps
    if mark is None:
        return "the product has no price yet"
    if price <= mark:
        return f"the take must be above the price ({plain(mark)}): to sell now, close the lot"
    if stop is not None and price <= stop:
        return f"the take must be above the stop ({plain(stop)})"
    if price < break_even and not at_a_loss:
        level = plain(floor_to(break_even, increment))
        return f"below break-even after fees ({level}): confirm that it may sell at a loss"
    return None


def stop_refusal(price: Decimal, *, increment: Decimal, mark: Decimal | None, take: Decimal | None) -> str | None:
    """Why a stop loss must not stand at `price`."""
    steps = _steps(price, increment, "the price")
    if steps is not None:
        return steps
    if mark is None:
        return "the product has no price yet"
    if price >= mark:
        return f"the stop must be below the price ({plain(mark)}): to sell now, close the lot"
    if take is not None and price >= take:
        return f"the stop must be below the take ({plain(take)})"
    return None


def part_refusal(
    size: Decimal,
    *,
    held: Decimal,
    increment: Decimal,
    base_min: Decimal,
    quote_min: Decimal,
    mark: Decimal | None,
) -> str | None:
    """Why `size` of the `held` base units must not be sold: part and rest must each be as large as the exchange takes.

    `base_min`, `quote_min`: the product's least size and least notional.
    """
    steps = _steps(size, increment, "the size")
    if steps is not None:
        return steps
    if mark is None:
        return "the product has no price yet"
    if size > held:
        return f"more than is held ({plain(held)})"
    if size == held:
        return "that is all of it: close it instead"
    if not _tradable(size, increment, base_min, quote_min, mark):
        return f"too small to sell: the exchange takes {_least(increment, base_min, quote_min, mark)} or more"
    if not _tradable(held - size, increment, base_min, quote_min, mark):
        least = _least(increment, base_min, quote_min, mark)
        return f"the rest of {plain(held - size)} could not be sold any more: leave {least} or more, or close it"
    return None


def _steps(value: Decimal, increment: Decimal, what: str) -> str | None:
    return None if value % increment == ZERO else f"{what} must be in whole steps of {plain(increment)}"


def _tradable(size: Decimal, increment: Decimal, base_min: Decimal, quote_min: Decimal, mark: Decimal) -> bool:
    whole = floor_to(size, increment)
    return whole >= max(base_min, increment) and whole * mark >= quote_min


def _least(increment: Decimal, base_min: Decimal, quote_min: Decimal, mark: Decimal) -> str:
    """The smallest size that is taken at this price, in whole steps."""
    by_quote = floor_to(quote_min / mark, increment)
    by_quote += increment if by_quote * mark < quote_min else ZERO
    return plain(max(base_min, by_quote, increment))
