"""Increments and minimums of products: from the exchange's own list where it was fetched, else from a short table.

Digits of a file's prices say little: DOGE trades in steps of 0.1 coins, whatever its prices look like.
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Protocol

from research.data import store
from research.errors import ResearchError

FILE = "products.json"
TABLE = "the built-in table of common products (2026-08)"
_KEYS = ("price_increment", "base_increment", "base_min_size", "quote_min_size")


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """What the exchange asks of an order, as exact texts; `source` says who said so."""

    price_increment: str
    base_increment: str
    base_min_size: str
    quote_min_size: str
    source: str


def _usual(price: str, base: str) -> ProductTerms:
    return ProductTerms(price, base, base, "1", TABLE)


# Coinbase's increments of its largest USD markets. A minimum of sizes is the increment, of money 1 USD.
KNOWN: dict[str, ProductTerms] = {
    "BTC-USD": _usual("0.01", "0.00000001"),
    "ETH-USD": _usual("0.01", "0.00000001"),
    "SOL-USD": _usual("0.01", "0.00000001"),
    "XRP-USD": _usual("0.0001", "0.000001"),
    "ADA-USD": _usual("0.00001", "0.00000001"),
    "DOGE-USD": _usual("0.00001", "0.1"),
    "LTC-USD": _usual("0.01", "0.00000001"),
    "BCH-USD": _usual("0.01", "0.00000001"),
    "AVAX-USD": _usual("0.001", "0.00000001"),
    "LINK-USD": _usual("0.001", "0.01"),
    "DOT-USD": _usual("0.0001", "0.00000001"),
}


class PublicClient(Protocol):
    """A client of the public endpoints."""

    def get(self, path: str, **query: str) -> Any: ...


def terms(data_dir: Path, product_id: str) -> ProductTerms | None:
    """Of the kept list, else of the table (a market in USDC or USDT as its twin in USD); None = nobody knows."""
    base, _, quote = product_id.partition("-")
    twin = KNOWN.get(f"{base}-USD") if quote in ("USD", "USDC", "USDT") else None
    return _kept(data_dir).get(product_id) or twin


def fetch(data_dir: Path, client: PublicClient, source: str) -> int:
    """Keep the exchange's whole list of spot products; how many. Raises ResearchError."""
    raw = client.get("/market/products", product_type="SPOT")
    rows = raw.get("products") if isinstance(raw, dict) else None
    found = {str(row["product_id"]): of_exchange(row, source) for row in rows or () if row.get("product_id")}
    if not found:
        raise ResearchError(f"{source} lists no products")
    _keep(data_dir, {**_kept(data_dir), **found})
    return len(found)


def keep(data_dir: Path, product_id: str, found: ProductTerms) -> None:
    """Remember what the exchange said of one product."""
    _keep(data_dir, {**_kept(data_dir), product_id: found})


def of_exchange(row: Any, source: str) -> ProductTerms:
    """A product as the exchange describes it. Raises ResearchError where an amount is missing."""
    try:
        price, base, least, money = (f"{Decimal(row[key]).normalize():f}" for key in _KEYS)
    except (KeyError, TypeError, InvalidOperation) as error:
        raise ResearchError(f"{row.get('product_id', 'a product')}: the exchange gives no increments") from error
    return ProductTerms(price, base, least, money, source)


def _kept(data_dir: Path) -> dict[str, ProductTerms]:
    path = store.folder(data_dir) / FILE
    if not path.exists():
        return {}
    try:
        return {name: ProductTerms(**row) for name, row in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ResearchError(f"{path} can't be read ({error}): remove it, then ./coin data products") from error


def _keep(data_dir: Path, found: dict[str, ProductTerms]) -> None:
    target = store.folder(data_dir) / FILE
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=FILE + ".", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "w") as out:
            json.dump({name: asdict(row) for name, row in sorted(found.items())}, out, indent=1)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
