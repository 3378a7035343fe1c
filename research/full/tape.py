"""Bars as a tape that the in-process exchange plays."""

from decimal import Decimal

from research.data.candles import CandleSet
from research.engine import Prepared
from shared.money import plain
from simulator.core.bars import Print, SimBar
from simulator.core.products import SimProduct

DEPTH = 10**12  # base units a day: no order is large in such a book


class BarTape:
    """A `simulator.core.tape.Tape` of research's bars: open at the bar's begin, low, high and close near its end.

    `through`: the prints show the bid one tick lower, so that a take exactly at the high is left.
    """

    def __init__(self, prepared: Prepared, through: bool) -> None:
        self.products: tuple[SimProduct, ...] = tuple(_sim_product(one) for one in prepared.candles)
        self.begins = int(prepared.start_s.min()) // 60
        self._length = prepared.granularity_s // 60
        self._less = 1 if through else 0
        self._bars: dict[str, dict[int, tuple[int, int, int, int]]] = {}
        for one, first, end in zip(prepared.candles, prepared.first.tolist(), prepared.end.tolist(), strict=True):
            columns = (column[first:end].tolist() for column in prepared.ticks)
            starts = (prepared.start_s[first:end] // 60).tolist()
            self._bars[one.product_id] = dict(zip(starts, zip(*columns, strict=True), strict=True))

    def minute(self, product_id: str, minute: int) -> SimBar | None:  # noqa: ARG002 - no client asks for candles
        return None

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:  # noqa: ARG002
        return None

    def prints(self, product_id: str, minute: int) -> list[Print]:
        bars, out = self._bars[product_id], []
        opening = bars.get(minute)
        if opening is not None:
            out.append(Print(0, max(opening[0] - self._less, 1), 1, maker_buys=True))
        closing = bars.get(minute - self._length + 1)
        if closing is not None:
            _, high, low, close = closing
            out += [
                Print(offset_us, max(tick - self._less, 1), 1, maker_buys=True)
                for offset_us, tick in ((20_000_000, low), (40_000_000, high), (59_000_000, close))
            ]
        return out

    def over(self, product_id: str, minute: int) -> bool:  # noqa: ARG002 - the recording is the whole market
        return False

    def gate(self, product_id: str, minute: int) -> str | None:  # noqa: ARG002 - always open
        return None

    def half_spread(self, product_id: str, minute: int) -> int:  # noqa: ARG002
        return 1

    def depth_percent(self, product_id: str, minute: int) -> int:  # noqa: ARG002
        return 100


def _sim_product(one: CandleSet) -> SimProduct:
    base, _, quote = one.product_id.partition("-")
    return SimProduct(
        one.product_id, base, quote, one.price_increment, one.base_increment, "0.01", one.base_increment,
        "1000000000000", "1", "1000000000000", plain(Decimal(str(float(one.close[0])))), DEPTH,
    )  # fmt: skip
