"""`sentinel_sales.json`: what the sentinel began to sell for a dead bot. Written before the first order leaves.

The next start of the bot reads it, fetches what became of those orders and takes them into the ledger, which then says
that it did. Until then the sentinel goes on from it after a crash of its own.
"""

from dataclasses import dataclass

import msgspec

from shared.documents.versioned import decode_versioned

VERSION = 1
TAKEN = "sentinel_sales"  # fact of the ledger: `since_ms` of the note that was taken up last


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelSales:
    """`since_ms`: before the first of the orders was made, by this machine's clock. `client_order_ids`: of all."""

    version: int = VERSION
    since_ms: int
    client_order_ids: tuple[str, ...]


def encode_sales(sales: SentinelSales) -> bytes:
    return msgspec.json.encode(sales) + b"\n"


def decode_sales(data: bytes) -> SentinelSales:
    """Raises Unreadable."""
    return decode_versioned(data, SentinelSales, VERSION, "what the sentinel writes")
