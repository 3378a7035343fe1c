"""Coarser grids and larger least sizes than the product began with: told in its description, and enforced."""

from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from simulator.core.products import Product

_TERM = {"price_increment": "limit_price", "base_increment": "base_size"}


class Grid:
    """What changed about the products' rules. The finer grid of the market itself stays as it is."""

    def __init__(self, products: dict[str, Product]) -> None:
        self._products = products
        self._now: dict[str, dict[str, str]] = {}

    def change(self, product_id: str, name: str, share: float) -> str:
        """`name` of the product becomes coarser or larger, the more the larger `share` (0 to 1); the new value."""
        before = Decimal(getattr(self._products[product_id], name))
        if name == "quote_min_size":
            value = format(Decimal(5 + round(40 * share)), "f")
        else:
            value = format(before * (10 if share < 0.5 else 100), "f")
        self._now.setdefault(product_id, {})[name] = value
        return value

    def clear(self) -> None:
        self._now.clear()

    def describe(self, body: bytes) -> bytes:
        """An answer about products, with what changed."""
        if not self._now:
            return body
        raw: Any = orjson.loads(body)
        for product in raw.get("products", [raw]):
            product.update(self._now.get(product.get("product_id"), {}))
        return orjson.dumps(raw)

    def enforce(self, body: bytes) -> bytes:
        """An order off the grid is made one that is off the market's own grid, too, so that it is refused as such."""
        raw: Any = orjson.loads(body) if self._now else {}
        rules = self._now.get(str(raw.get("product_id")), {})
        for terms in raw.get("order_configuration", {}).values():
            for name, value in rules.items():
                self._spoil(self._products[raw["product_id"]], terms, name, Decimal(value))
        return orjson.dumps(raw) if rules else body

    @staticmethod
    def _spoil(product: Product, terms: dict[str, Any], name: str, value: Decimal) -> None:
        term = _TERM.get(name, "quote_size")
        try:
            given = Decimal(str(terms[term]))
        except (KeyError, InvalidOperation):
            return
        if term == "quote_size":
            if given < value:
                terms[term] = "0.01"
        elif given % value != 0:
            terms[term] = format(given + Decimal(getattr(product, name)) / 10, "f")
