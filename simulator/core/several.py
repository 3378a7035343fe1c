"""Several recordings side by side, each of a product of its own, on one clock."""

from collections.abc import Sequence

from simulator.core.bars import Print, SimBar
from simulator.core.tape import MarketSource


class Several:
    """A `MarketSource` that asks the one that holds the product. Each ends for itself."""

    def __init__(self, tapes: Sequence[MarketSource]) -> None:
        self.products = tuple(product for tape in tapes for product in tape.products)
        self._of = {product.product_id: tape for tape in tapes for product in tape.products}
        self.begins = min(tape.begins for tape in tapes)

    def over(self, product_id: str, minute: int) -> bool:
        return self._of[product_id].over(product_id, minute)

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        return self._of[product_id].minute(product_id, minute)

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        return self._of[product_id].bar(product_id, start_s, seconds)

    def prints(self, product_id: str, minute: int) -> list[Print]:
        return self._of[product_id].prints(product_id, minute)

    def gate(self, product_id: str, minute: int) -> str | None:
        return self._of[product_id].gate(product_id, minute)

    def half_spread(self, product_id: str, minute: int) -> int:
        return self._of[product_id].half_spread(product_id, minute)

    def depth_percent(self, product_id: str, minute: int) -> int:
        return self._of[product_id].depth_percent(product_id, minute)
