"""Coarser increments and larger minimum sizes than the product started with: described, and enforced."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from simulator.core.products import SimProduct

_TERM = {"price_increment": "limit_price", "base_increment": "base_size"}


class ProductRules:
    """Changes of the products' rules. The finer increments of the market itself stay as they are."""

    def __init__(self, products: dict[str, SimProduct], price: Callable[[str], str]) -> None:
        self._products, self._price = products, price
        self._now: dict[str, dict[str, str]] = {}

    def change(self, product_id: str, name: str, share: float) -> str:
        """Make `name` of the product coarser or larger, more so for a larger `share` (0 to 1); the new value."""
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
        """An answer about products, with the changed rules."""
        if not self._now:
            return body
        raw: Any = orjson.loads(body)
        for product in raw.get("products", [raw]):
            product.update(self._now.get(product.get("product_id"), {}))
        return orjson.dumps(raw)

    def enforce(self, body: bytes) -> bytes:
        """Move an order that is off the new increments off the market's own ones, so that it is refused."""
        raw: Any = orjson.loads(body) if self._now else {}
        rules = self._now.get(str(raw.get("product_id")), {})
        for terms in raw.get("order_configuration", {}).values():
            for name, value in rules.items():
                if name == "quote_min_size":
                    self._too_small(raw["product_id"], terms, Decimal(value))
                else:
                    self._off_grid(self._products[raw["product_id"]], terms, name, Decimal(value))
        return orjson.dumps(raw) if rules else body

    def _too_small(self, product_id: str, terms: dict[str, Any], least: Decimal) -> None:
        """Make an order below the new minimum one that the market's own rules refuse."""
        quote, base = _amount(terms, "quote_size"), _amount(terms, "base_size")
        if quote is not None and quote < least:
            terms["quote_size"] = self._products[product_id].quote_increment
        price = _amount(terms, "limit_price") or Decimal(self._price(product_id))
        if base is not None and base * price < least:
            terms["base_size"] = format(Decimal(self._products[product_id].base_increment) / 10, "f")

    @staticmethod
    def _off_grid(product: SimProduct, terms: dict[str, Any], name: str, value: Decimal) -> None:
        given = _amount(terms, _TERM[name])
        if given is not None and given % value != 0:
            terms[_TERM[name]] = format(given + Decimal(getattr(product, name)) / 10, "f")


def _amount(terms: dict[str, Any], name: str) -> Decimal | None:
    try:
        return Decimal(str(terms[name]))
    except (KeyError, InvalidOperation):
        return None
