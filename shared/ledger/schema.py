"""The ledger: what was intended, sent, filled and decided. The truth that survives every crash.

`events` is what happened, append only and chained by a hash; every other table is derived from it, in the same
transaction, by `shared.ledger.reduce`. Amounts are exact text (`Kind.EXACT`), times are milliseconds since 1970
(`…_ms`), JSON columns hold text. The bot is the only writer; the dashboard reads through a read-only connection.
"""

from typing import Any

from shared.ledger.tables import Column, ColumnKind, Index, Table

HEAD_REVISION = "0003"
# Names of tables before revision 0003: events that brought a whole row still say them.
FORMER_NAMES = {"facts": "key_values", "journal": "activity_log"}


def _text(name: str, length: int | None = None, **more: Any) -> Column:
    return Column(name, ColumnKind.TEXT, length, **{"null": False, **more})


def _ms(name: str, **more: Any) -> Column:
    return Column(name, ColumnKind.BIGINT, **{"null": False, **more})


def _exact(name: str, **more: Any) -> Column:
    return Column(name, ColumnKind.EXACT, **{"null": False, **more})


def _truth(name: str, **more: Any) -> Column:
    return Column(name, ColumnKind.BOOLEAN, null=False, default=False, **more)


def _json(name: str, **more: Any) -> Column:
    return Column(name, ColumnKind.JSON, **{"null": False, **more})


def _index(name: str, *columns: str) -> Index:
    return Index(name, columns)


def _table(name: str, *parts: Column | Index) -> Table:
    columns = tuple(part for part in parts if isinstance(part, Column))
    return Table(name, columns, tuple(part for part in parts if isinstance(part, Index)))


# key → text: mode (bound when the ledger is made), bot name, desired state ("wish"), counters, last adds, peak equity.
key_values = _table("key_values", _text("key", 80, key=True), _text("value"))

orders = _table(
    "orders",
    _text("client_order_id", 80, key=True),
    _text("order_id", 80, null=True, unique=True),
    _text("product_id", 32),
    _text("side", 4),
    _text("kind", 16),  # market, limit
    _text("purpose", 16),  # entry, exit, take, flatten
    _exact("base_size", null=True),
    _exact("quote_size", null=True),
    _exact("limit_price", null=True),
    _truth("post_only"),
    _text("lot_id", 80, null=True),
    _text("command_id", 80, null=True),
    _text("retry_of", 80, null=True),
    _exact("tp_pct", null=True),  # entry: take profit of the lot that it opens
    _text("lot_kind", 8, null=True),  # entry: runner, scalp or holding
    _exact("expected_price", null=True),  # mark when it was decided
    _text("boot_id", 80),
    _ms("created_ms"),
    _text("state", 16),
    _text("reason", null=True),
    _exact("filled_size"),
    _ms("updated_ms"),
    _exact("counted_size", server_default="0"),  # sum of its fills
    _exact("counted_quote", server_default="0"),  # sum of price x size of them
    # Over, and every fill that the exchange told of is counted: a new start need not know it.
    _truth("settled", server_default="0"),
    _index("orders_state", "state"),
    _index("orders_created", "created_ms"),
    _index("orders_settled", "settled"),
    _index("orders_lot", "lot_id", "command_id"),
)

fills = _table(
    "fills",
    _text("order_id", 80, key=True),
    _text("trade_id", 80, key=True),
    _text("client_order_id", 80),
    _text("product_id", 32),
    _text("side", 4),
    _exact("price"),
    _exact("base_size"),
    _exact("fee"),
    _text("liquidity", 8),  # maker, taker, unknown
    _ms("exchange_ms"),
    _ms("received_ms"),
    _text("lot_id", 80, null=True),
    _index("fills_time", "exchange_ms"),
)

lots = _table(
    "lots",
    _text("lot_id", 80, key=True),  # the entry's client order id
    Column("seq", ColumnKind.INTEGER, null=False),  # order of opening within the ledger
    _text("product_id", 32),
    _text("kind", 8),
    _ms("opened_ms"),
    _exact("open_price"),
    _exact("base_bought"),
    _exact("base_left"),
    _exact("cost"),  # sum of price x size of its entry fills
    _exact("entry_fee"),
    _exact("tp_pct"),
    _exact("take_price"),  # 0 = none: a holding
    _exact("stop_price", null=True),
    _truth("trail_active"),
    _exact("trail_peak", null=True),
    _exact("trail_stop", null=True),
    _exact("price_increment"),
    _text("exit_reason", 16, null=True),
    _text("exit_client_order_id", 80, null=True),
    _exact("proceeds"),
    _exact("exit_fee"),
    _ms("closed_ms", null=True),
    _exact("realized_pnl", null=True),
    _exact("dust"),  # what was too small to sell
    _index("lots_open", "closed_ms"),
)

days = _table(
    "days",
    _text("day", 10, key=True),  # UTC date
    _exact("start_equity"),
    _exact("start_unrealized"),
    _exact("peak_equity"),
    _exact("realized"),
    _exact("fees"),
    _exact("transfers"),
    _ms("breaker_ms", null=True),  # when the day's loss shut entries
    _json("counters"),  # name → count
)

latches = _table(
    "latches",
    _text("latch_id", 80, key=True),
    _text("kind", 16),  # kill, entries
    _ms("at_ms"),
    _text("source", 80),
    _text("note", null=True),
    _ms("lifted_ms", null=True),
    _text("lifted_by", 80, null=True),
)

commands = _table(
    "commands",
    _text("id", 80, key=True),
    _text("cmd", 24),
    _json("args"),
    _text("by", 80),
    _ms("sent_ms", null=True),
    _ms("seen_ms"),
    _text("state", 16),
    _ms("done_ms", null=True),
    _text("reason", null=True),
    _json("result", null=True),
    _index("commands_seen", "seen_ms"),
)

boots = _table(
    "boots",
    _text("boot_id", 80, key=True),
    _ms("at_ms"),
    _text("build", 80),
    _ms("ended_ms", null=True),  # null = it did not end by itself
)

# Lines for people: commands, decisions, intents, answers, fills and changes of state; never ticks.
activity_log = _table(
    "activity_log",
    Column("seq", ColumnKind.INTEGER, key=True, null=False, counted=True),
    _ms("at_ms"),
    _text("kind", 16),
    _text("level", 8),
    _text("product_id", 32, null=True),
    _text("ref", 80, null=True),  # client order id, lot id, command id
    _text("text"),
    _json("data", null=True),
    _index("activity_log_kind", "kind", "at_ms"),
    _index("activity_log_ref", "ref"),
)

# Append only: one row for each transaction, what it brought as JSON (`shared.ledger.events`). `chain` is the hash of
# the row and of the chain before it, so that no row can be changed, moved or taken out of the middle unnoticed.
events = _table(
    "events",
    Column("seq", ColumnKind.INTEGER, key=True, null=False),  # from 1, without a gap
    _ms("at_ms"),
    _text("boot_id", 80),
    _text("data"),
    _text("chain", 64),
)

# In the order in which they are dumped and exported.
DERIVED = (key_values, orders, fills, lots, days, latches, commands, boots, activity_log)
BY_NAME = {table.name: table for table in (*DERIVED, events)}


def table_named(name: str) -> Table:
    """The table of that name, also of a name that it had in an older schema. Raises KeyError."""
    return BY_NAME[FORMER_NAMES.get(name, name)]
