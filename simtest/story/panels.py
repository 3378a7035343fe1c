"""A product's panel: its price as it reached the bot, fills and resting limits on it, and a line for each order."""

from collections.abc import Iterator, Sequence
from typing import Any

from simtest.story.lanes import Lane
from simtest.story.run_story import OrderStory, RunStory
from simtest.story.svg import Axis, clock, marked

PRICE_PX = 120
ORDER_PX = 11
POINTS = 1_200  # of a price line
FEW_PRICES = 30  # of a product that was left at once and never traded: there is nothing to see
ASKS_PX = 6  # between two marks of cancels; more would be one line
GAP_US = 10_000_000  # no price for so long: the line is broken
OUTLIERS = 0.005  # so many prices at each end may lie off the panel: a garbled one would flatten the rest


def panels(story: RunStory, axis: Axis) -> Iterator[Lane]:
    """Each product's price and orders."""
    for product_id in story.products:
        orders = [order for order in story.orders if order.product_id == product_id]
        if not orders and len(story.truth["prices"].get(product_id, ())) < FEW_PRICES:
            yield Lane(product_id, "not traded", "", 20)
            continue
        yield _price(story, axis, product_id, orders)
        yield _orders(axis, orders)


def _price(story: RunStory, axis: Axis, product_id: str, orders: Sequence[OrderStory]) -> Lane:
    told = [(int(row[0]), float(row[1])) for row in story.truth["prices"].get(product_id, ())]
    own = [price for order in orders for _, price, _, _ in order.fills]
    low, high = _range([price for _, price in told], own)
    if low is None or high is None:
        return Lane(product_id, "no price", "", 20, "price")

    def y(price: float) -> float:
        share = (price - low) / (high - low) if high > low else 0.5
        return round((1 - min(max(share, 0.0), 1.0)) * (PRICE_PX - 12) + 6, 2)

    drawing = _line(told, axis, y)
    for order in orders:
        if order.limit is not None and order.at_exchange is not None and low <= order.limit <= high:
            at, until_us = y(order.limit), order.end_us if order.end_us is not None else axis.end_us
            shape = f'<line x1="{axis.x(order.begin_us)}" x2="{axis.x(until_us)}" y1="{at}" y2="{at}"/>'
            drawing += marked(shape, _title(order), f"limit {order.side.lower()}", f"#order-{order.number}")
    for order in orders:
        for us, price, size, _ in order.fills:
            points = "0,-5 4.5,4 -4.5,4" if order.side == "BUY" else "0,5 4.5,-4 -4.5,-4"
            shape = f'<svg x="{axis.x(us)}" y="{y(price)}" overflow="visible"><polygon points="{points}"/></svg>'
            title = f"order {order.number}: {order.side} {size} at {price:g}, {clock(us)}"
            drawing += marked(shape, title, f"fill {order.side.lower()}", f"#order-{order.number}")
    note = f"{high:,.6g} to {low:,.6g}" if told else f"fills only: {high:,.6g} to {low:,.6g}"
    return Lane(product_id, note, drawing, PRICE_PX, "price")


def _range(told: Sequence[float], own: Sequence[float]) -> tuple[float | None, float | None]:
    """What the panel shows, lowest and highest; None = nothing is known."""
    ordered = sorted(told)
    cut = int(len(ordered) * OUTLIERS)
    kept = [*ordered[cut : len(ordered) - cut], *own]
    if not kept:
        return None, None
    low, high = min(kept), max(kept)
    margin = (high - low) * 0.04 or high * 0.001
    return low - margin, high + margin


def _line(told: Sequence[tuple[int, float]], axis: Axis, y: Any) -> str:
    """The price, thinned to what can be seen and broken where none came."""
    pieces: list[list[str]] = [[]]
    last_us = None
    for us, price in _thinned(told, axis.end_us / POINTS):
        if last_us is not None and us - last_us > max(GAP_US, 3 * axis.end_us / POINTS):
            pieces.append([])
        pieces[-1].append(f"{us / axis.end_us * 1000:.2f},{y(price)}")
        last_us = us
    lines = "".join(f'<polyline points="{" ".join(piece)}"/>' for piece in pieces if piece)
    return (
        f'<svg class="line" viewBox="0 0 1000 {PRICE_PX}" preserveAspectRatio="none" width="100%" '
        f'height="{PRICE_PX}">{lines}</svg>'
    )


def _thinned(told: Sequence[tuple[int, float]], step_us: float) -> Iterator[tuple[int, float]]:
    """Of each step the lowest and the highest price, in their order."""
    at = 0
    while at < len(told):
        until = at
        while until < len(told) and told[until][0] // step_us == told[at][0] // step_us:
            until += 1
        piece = told[at:until]
        yield from sorted({min(piece, key=lambda row: row[1]), max(piece, key=lambda row: row[1])})
        at = until


def _orders(axis: Axis, orders: Sequence[OrderStory]) -> Lane:
    """A line for each order from its first request to its end, in as few rows as keep them apart."""
    rows: list[float] = []
    drawing = ""
    for order in orders:
        until_us = order.end_us if order.end_us is not None else axis.end_us
        until_us = max(until_us, order.last_us if order.end_us is not None else until_us)
        number = next((n for n, free_us in enumerate(rows) if free_us <= order.begin_us), len(rows))
        if number == len(rows):
            rows.append(0.0)
        rows[number] = max(until_us, order.begin_us + axis.room_us(13))
        drawing += _order(order, axis, number * ORDER_PX, until_us)
    note = f"{len(orders)} orders" if orders else "no order"
    return Lane("", note, drawing, max(len(rows), 1) * ORDER_PX, "orders")


def _order(order: OrderStory, axis: Axis, y: int, until_us: float) -> str:
    x, middle = axis.x(order.begin_us), y + ORDER_PX / 2
    glyph = "0,-3.5 3.5,3 -3.5,3" if order.side == "BUY" else "0,3.5 3.5,-3 -3.5,-3"
    shape = (
        f'<rect class="life" x="{x}" y="{y + 3.5}" width="{axis.width(order.begin_us, until_us)}" height="4" rx="2"/>'
    )
    for us, *_ in order.fills:
        shape += f'<rect class="tick" x="{axis.x(us)}" y="{y + 1}" width="2" height="9"/>'
    shape += f'<svg x="{x}" y="{middle}" overflow="visible"><polygon points="{glyph}"/></svg>'
    for us in _apart(order.cancels_us, axis.room_us(ASKS_PX)):
        shape += f'<circle class="ask" cx="{axis.x(us)}" cy="{middle}" r="2.2"/>'
    if order.breaches:
        shape += f'<svg x="{x}" y="{middle}" overflow="visible"><circle class="ring" r="5.5"/></svg>'
    kind = f"order {order.side.lower()} {order.outcome}"
    return marked(shape, _title(order), kind, f"#order-{order.number}")


def _apart(moments: Sequence[int], least_us: float) -> Iterator[int]:
    """Those of the moments that can be told from the one before."""
    last_us = None
    for us in sorted(moments):
        if last_us is None or us - last_us >= least_us:
            last_us = us
            yield us


def _title(order: OrderStory) -> str:
    end = clock(order.end_us) if order.end_us is not None else "still open"
    filled = ", ".join(f"{size} at {price:g}" for _, price, size, _ in order.fills)
    asked = f"; a cancel was asked for {len(order.cancels_us)} times" if order.cancels_us else ""
    return (
        f"order {order.number}: {order.side} {order.product_id} {order.terms} ({order.purpose or order.owner}), "
        f"{clock(order.begin_us)} to {end}: {order.outcome}{asked}" + (f"; {filled}" if filled else "")
    )
