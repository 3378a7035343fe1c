"""The ledger: what was intended, sent, filled and decided. The truth that survives every crash.

`events` is what happened, append only and chained by a hash; every other table is derived from it, in the same
transaction, by `shared.ledger.reduce`. Amounts are exact text (`Exact`), times are milliseconds since 1970 (`…_ms`),
JSON columns hold text. The bot is the only writer; the dashboard reads through a read-only connection.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.types import BigInteger, TypeDecorator

from shared.money import plain

HEAD_REVISION = "0002"


class Exact(TypeDecorator[Decimal]):
    """A Decimal kept as the text that spells it: a database's REAL would round it."""

    impl = String(80)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(value)


metadata = MetaData()

# key → text: mode (bound when the ledger is made), bot name, wish, counters, last adds, peak equity.
facts = Table("facts", metadata, Column("key", String(80), primary_key=True), Column("value", Text, nullable=False))

orders = Table(
    "orders",
    metadata,
    Column("client_order_id", String(80), primary_key=True),
    Column("order_id", String(80), unique=True),
    Column("product_id", String(32), nullable=False),
    Column("side", String(4), nullable=False),
    Column("kind", String(16), nullable=False),  # market, limit
    Column("purpose", String(16), nullable=False),  # entry, exit, take, flatten
    Column("base_size", Exact),
    Column("quote_size", Exact),
    Column("limit_price", Exact),
    Column("post_only", Boolean, nullable=False, default=False),
    Column("lot_id", String(80)),
    Column("command_id", String(80)),
    Column("retry_of", String(80)),
    Column("tp_pct", Exact),  # entry: take profit of the lot that it opens
    Column("lot_kind", String(8)),  # entry: runner or scalp
    Column("expected_price", Exact),  # mark when it was decided
    Column("boot_id", String(80), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("filled_size", Exact, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("counted_size", Exact, nullable=False, server_default="0"),  # sum of its fills
    Column("counted_quote", Exact, nullable=False, server_default="0"),  # sum of price x size of them
    # Over, and every fill that the exchange told of is counted: a new start need not know it.
    Column("settled", Boolean, nullable=False, default=False, server_default=false()),
    Index("orders_state", "state"),
    Index("orders_created", "created_ms"),
    Index("orders_settled", "settled"),
    Index("orders_lot", "lot_id", "command_id"),
)

fills = Table(
    "fills",
    metadata,
    Column("order_id", String(80), nullable=False),
    Column("trade_id", String(80), nullable=False),
    Column("client_order_id", String(80), nullable=False),
    Column("product_id", String(32), nullable=False),
    Column("side", String(4), nullable=False),
    Column("price", Exact, nullable=False),
    Column("base_size", Exact, nullable=False),
    Column("fee", Exact, nullable=False),
    Column("liquidity", String(8), nullable=False),  # maker, taker, unknown
    Column("exchange_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("lot_id", String(80)),
    PrimaryKeyConstraint("order_id", "trade_id"),
    Index("fills_time", "exchange_ms"),
)

lots = Table(
    "lots",
    metadata,
    Column("lot_id", String(80), primary_key=True),  # the entry's client order id
    Column("seq", Integer, nullable=False),  # order of opening within the ledger
    Column("product_id", String(32), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("open_price", Exact, nullable=False),
    Column("base_bought", Exact, nullable=False),
    Column("base_left", Exact, nullable=False),
    Column("cost", Exact, nullable=False),  # sum of price x size of its entry fills
    Column("entry_fee", Exact, nullable=False),
    Column("tp_pct", Exact, nullable=False),
    Column("take_price", Exact, nullable=False),
    Column("stop_price", Exact),
    Column("trail_active", Boolean, nullable=False, default=False),
    Column("trail_peak", Exact),
    Column("trail_stop", Exact),
    Column("price_increment", Exact, nullable=False),
    Column("exit_reason", String(16)),
    Column("exit_client_order_id", String(80)),
    Column("proceeds", Exact, nullable=False),
    Column("exit_fee", Exact, nullable=False),
    Column("closed_ms", BigInteger),
    Column("realized_pnl", Exact),
    Column("dust", Exact, nullable=False),  # what was too small to sell
    Index("lots_open", "closed_ms"),
)

days = Table(
    "days",
    metadata,
    Column("day", String(10), primary_key=True),  # UTC date
    Column("start_equity", Exact, nullable=False),
    Column("start_unrealized", Exact, nullable=False),
    Column("peak_equity", Exact, nullable=False),
    Column("realized", Exact, nullable=False),
    Column("fees", Exact, nullable=False),
    Column("transfers", Exact, nullable=False),
    Column("breaker_ms", BigInteger),  # when the day's loss shut entries
    Column("counters", JSON, nullable=False),  # name → count
)

latches = Table(
    "latches",
    metadata,
    Column("latch_id", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),  # kill, entries
    Column("at_ms", BigInteger, nullable=False),
    Column("source", String(80), nullable=False),
    Column("note", Text),
    Column("lifted_ms", BigInteger),
    Column("lifted_by", String(80)),
)

commands = Table(
    "commands",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("cmd", String(24), nullable=False),
    Column("args", JSON, nullable=False),
    Column("by", String(80), nullable=False),
    Column("sent_ms", BigInteger),
    Column("seen_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("done_ms", BigInteger),
    Column("reason", Text),
    Column("result", JSON),
    Index("commands_seen", "seen_ms"),
)

boots = Table(
    "boots",
    metadata,
    Column("boot_id", String(80), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("build", String(80), nullable=False),
    Column("ended_ms", BigInteger),  # null = it did not end by itself
)

# Lines for people: commands, decisions, intents, answers, fills and changes of state; never ticks.
journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("level", String(8), nullable=False),
    Column("product_id", String(32)),
    Column("ref", String(80)),  # client order id, lot id, command id
    Column("text", Text, nullable=False),
    Column("data", JSON),
    Index("journal_kind", "kind", "at_ms"),
    Index("journal_ref", "ref"),
)

# Append only: one row for each transaction, what it brought as JSON (`shared.ledger.events`). `chain` is the hash of
# the row and of the chain before it, so that no row can be changed, moved or taken out of the middle unnoticed.
events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),  # from 1, without a gap
    Column("at_ms", BigInteger, nullable=False),
    Column("boot_id", String(80), nullable=False),
    Column("data", Text, nullable=False),
    Column("chain", String(64), nullable=False),
)

# In the order in which they are dumped and exported.
DERIVED = (facts, orders, fills, lots, days, latches, commands, boots, journal)
