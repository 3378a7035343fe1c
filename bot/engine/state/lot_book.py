"""Open lots of all products, oldest first within a product."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from bot.domain.kinds import LotKind
from bot.domain.lots import Lot
from bot.rules.lots import promotion_index
from shared.money import ZERO


class LotBook:
    """The open lots of all products. Closed ones leave it; the ledger keeps them."""

    def __init__(self, lots: Iterable[Lot] = (), next_seq: int = 1) -> None:
        self._by_product: dict[str, dict[str, Lot]] = {}
        self.next_seq = next_seq
        for lot in sorted(lots, key=lambda item: item.seq):
            self.put(lot)

    def put(self, lot: Lot) -> None:
        """Insert or replace an open lot; remove a closed one."""
        of_product = self._by_product.setdefault(lot.product_id, {})
        if lot.closed_ms is None:
            of_product[lot.lot_id] = lot
            self.next_seq = max(self.next_seq, lot.seq + 1)
        else:
            of_product.pop(lot.lot_id, None)

    def get(self, lot_id: str) -> Lot | None:
        for of_product in self._by_product.values():
            if lot_id in of_product:
                return of_product[lot_id]
        return None

    def of(self, product_id: str) -> list[Lot]:
        """Open lots of one product, oldest first."""
        return list(self._by_product.get(product_id, {}).values())

    def __iter__(self) -> Iterator[Lot]:
        for of_product in self._by_product.values():
            yield from of_product.values()

    def __len__(self) -> int:
        return sum(map(len, self._by_product.values()))

    def base_held(self, product_id: str) -> Decimal:
        """Sum of the open lots' sizes."""
        return sum((lot.base_left for lot in self._by_product.get(product_id, {}).values()), ZERO)

    def to_promote(self, product_id: str) -> Lot | None:
        """The newest lot, made runner with its trailing fields reset, where no runner is left; else None."""
        lots = [lot for lot in self.of(product_id) if lot.kind is not LotKind.HOLDING]
        index = promotion_index([lot.kind is LotKind.RUNNER for lot in lots], len(lots))
        if index < 0:
            return None
        return replace(lots[index], kind=LotKind.RUNNER, trail_active=False, peak_ticks=0, trail_ticks=0)
