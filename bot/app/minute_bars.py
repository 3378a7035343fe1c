"""What was heard of each product's running minute, and of the one before it: for the chart alone.

Decisions are made on bars of the exchange, never on these. The one before stays because the exchange's own bar of it
is read a few seconds after its end.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from shared.documents.market import MinuteDoc

KEPT = 2


@dataclass(slots=True)
class _Minute:
    start_s: int
    since_ms: int
    open: Decimal
    high: Decimal = field(init=False)
    low: Decimal = field(init=False)
    close: Decimal = field(init=False)

    def __post_init__(self) -> None:
        self.high = self.low = self.close = self.open

    def add(self, price: Decimal) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price


class Minutes:
    """The newest minutes of every product, oldest first; a minute in which nothing was heard has none."""

    def __init__(self) -> None:
        self._of: dict[str, list[_Minute]] = {}

    def heard(self, product_id: str, price: Decimal, at_ms: int) -> None:
        """A last price, by the exchange's clock as far as it is known."""
        start_s = at_ms // 60_000 * 60
        kept = self._of.setdefault(product_id, [])
        if kept and start_s <= kept[-1].start_s:  # a clock that was set back opens no minute anew
            kept[-1].add(price)
            return
        kept.append(_Minute(start_s, at_ms, price))
        del kept[:-KEPT]

    def shown(self, product_id: str) -> list[MinuteDoc]:
        return [
            MinuteDoc(
                start_s=m.start_s,
                since_ms=m.since_ms,
                open=float(m.open),
                high=float(m.high),
                low=float(m.low),
                close=float(m.close),
            )
            for m in self._of.get(product_id, ())
        ]
