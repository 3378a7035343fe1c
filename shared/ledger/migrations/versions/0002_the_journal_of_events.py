"""The journal of events, which everything else is derived from, and what a start may ask without reading all.

What the ledger holds already becomes the journal's beginning: whole rows, as they are.
"""

from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("facts", "orders", "fills", "lots", "days", "latches", "commands", "boots", "journal")
DONE = ("filled", "cancelled", "expired", "failed", "refused", "denied", "absent")
ROWS_IN_ONE = 200


def upgrade() -> None:
    events = op.create_table(
        "events",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(length=80), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    with op.batch_alter_table("orders") as batch_op:
        for name in ("counted_size", "counted_quote"):
            batch_op.add_column(sa.Column(name, sa.String(length=80), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("settled", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index("orders_settled", ["settled"], unique=False)
        batch_op.create_index("orders_lot", ["lot_id", "command_id"], unique=False)
    db = op.get_bind()
    _count_fills(db)
    _begin_journal(db, events)


def _count_fills(db: sa.Connection) -> None:
    """What each order's fills come to, and whether it is settled."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for coid, size, price in db.execute(sa.text("SELECT client_order_id, base_size, price FROM fills")):
        counted, quote = sums.get(coid, (Decimal(0), Decimal(0)))
        sums[coid] = (counted + Decimal(size), quote + Decimal(size) * Decimal(price))
    rows = []
    for coid, state, filled in db.execute(sa.text("SELECT client_order_id, state, filled_size FROM orders")):
        counted, quote = sums.get(coid, (Decimal(0), Decimal(0)))
        settled = state in DONE and counted >= Decimal(filled) and (state != "filled" or counted > 0)
        rows.append({"id": coid, "size": _plain(counted), "quote": _plain(quote), "settled": settled})
    if rows:
        update = "UPDATE orders SET counted_size = :size, counted_quote = :quote, settled = :settled "
        db.execute(sa.text(update + "WHERE client_order_id = :id"), rows)


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _begin_journal(db: sa.Connection, events: sa.Table) -> None:
    chain = "0" * 64
    for seq, batch in enumerate(_batches(db), 1):
        data = orjson.dumps(batch).decode()
        chain = sha256(f"{chain}\n{seq}\n0\nbefore the journal\n{data}".encode()).hexdigest()
        row = {"seq": seq, "at_ms": 0, "boot_id": "before the journal", "data": data, "chain": chain}
        db.execute(sa.insert(events), row)


def _batches(db: sa.Connection) -> Iterator[list[Any]]:
    """The rows of every table as events, so many at a time."""
    batch: list[Any] = []
    for name in TABLES:
        table = sa.Table(name, sa.MetaData(), autoload_with=db)
        keys = list(table.primary_key)
        for row in db.execute(sa.select(table).order_by(*keys)):
            values = {str(column): value for column, value in row._mapping.items() if value is not None}
            batch.append(["row", {"table": name, "row": values}])
            if len(batch) == ROWS_IN_ONE:
                yield batch
                batch = []
    if batch:
        yield batch


def downgrade() -> None:
    op.drop_table("events")
    with op.batch_alter_table("orders") as batch_op:
        batch_op.drop_index("orders_lot")
        batch_op.drop_index("orders_settled")
        for name in ("settled", "counted_quote", "counted_size"):
            batch_op.drop_column(name)
