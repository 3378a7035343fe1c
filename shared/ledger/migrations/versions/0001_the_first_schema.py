"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "boots",
        sa.Column("boot_id", sa.String(length=80), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("build", sa.String(length=80), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("boot_id"),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("cmd", sa.String(length=24), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("commands") as batch_op:
        batch_op.create_index("commands_seen", ["seen_ms"], unique=False)

    op.create_table(
        "days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("start_equity", sa.String(length=80), nullable=False),
        sa.Column("start_unrealized", sa.String(length=80), nullable=False),
        sa.Column("peak_equity", sa.String(length=80), nullable=False),
        sa.Column("realized", sa.String(length=80), nullable=False),
        sa.Column("fees", sa.String(length=80), nullable=False),
        sa.Column("transfers", sa.String(length=80), nullable=False),
        sa.Column("breaker_ms", sa.BigInteger(), nullable=True),
        sa.Column("counters", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_table(
        "facts",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "fills",
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("trade_id", sa.String(length=80), nullable=False),
        sa.Column("client_order_id", sa.String(length=80), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("price", sa.String(length=80), nullable=False),
        sa.Column("base_size", sa.String(length=80), nullable=False),
        sa.Column("fee", sa.String(length=80), nullable=False),
        sa.Column("liquidity", sa.String(length=8), nullable=False),
        sa.Column("exchange_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("lot_id", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "trade_id"),
    )
    with op.batch_alter_table("fills") as batch_op:
        batch_op.create_index("fills_time", ["exchange_ms"], unique=False)

    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=True),
        sa.Column("ref", sa.String(length=80), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    with op.batch_alter_table("journal") as batch_op:
        batch_op.create_index("journal_kind", ["kind", "at_ms"], unique=False)
        batch_op.create_index("journal_ref", ["ref"], unique=False)

    op.create_table(
        "latches",
        sa.Column("latch_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("lifted_ms", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("latch_id"),
    )
    op.create_table(
        "lots",
        sa.Column("lot_id", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("open_price", sa.String(length=80), nullable=False),
        sa.Column("base_bought", sa.String(length=80), nullable=False),
        sa.Column("base_left", sa.String(length=80), nullable=False),
        sa.Column("cost", sa.String(length=80), nullable=False),
        sa.Column("entry_fee", sa.String(length=80), nullable=False),
        sa.Column("tp_pct", sa.String(length=80), nullable=False),
        sa.Column("take_price", sa.String(length=80), nullable=False),
        sa.Column("stop_price", sa.String(length=80), nullable=True),
        sa.Column("trail_active", sa.Boolean(), nullable=False),
        sa.Column("trail_peak", sa.String(length=80), nullable=True),
        sa.Column("trail_stop", sa.String(length=80), nullable=True),
        sa.Column("price_increment", sa.String(length=80), nullable=False),
        sa.Column("exit_reason", sa.String(length=16), nullable=True),
        sa.Column("exit_client_order_id", sa.String(length=80), nullable=True),
        sa.Column("proceeds", sa.String(length=80), nullable=False),
        sa.Column("exit_fee", sa.String(length=80), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("realized_pnl", sa.String(length=80), nullable=True),
        sa.Column("dust", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("lot_id"),
    )
    with op.batch_alter_table("lots") as batch_op:
        batch_op.create_index("lots_open", ["closed_ms"], unique=False)

    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=True),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("base_size", sa.String(length=80), nullable=True),
        sa.Column("quote_size", sa.String(length=80), nullable=True),
        sa.Column("limit_price", sa.String(length=80), nullable=True),
        sa.Column("post_only", sa.Boolean(), nullable=False),
        sa.Column("lot_id", sa.String(length=80), nullable=True),
        sa.Column("command_id", sa.String(length=80), nullable=True),
        sa.Column("retry_of", sa.String(length=80), nullable=True),
        sa.Column("tp_pct", sa.String(length=80), nullable=True),
        sa.Column("lot_kind", sa.String(length=8), nullable=True),
        sa.Column("expected_price", sa.String(length=80), nullable=True),
        sa.Column("boot_id", sa.String(length=80), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("filled_size", sa.String(length=80), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_order_id"),
        sa.UniqueConstraint("order_id"),
    )
    with op.batch_alter_table("orders") as batch_op:
        batch_op.create_index("orders_created", ["created_ms"], unique=False)
        batch_op.create_index("orders_state", ["state"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("orders") as batch_op:
        batch_op.drop_index("orders_state")
        batch_op.drop_index("orders_created")

    op.drop_table("orders")
    with op.batch_alter_table("lots") as batch_op:
        batch_op.drop_index("lots_open")

    op.drop_table("lots")
    op.drop_table("latches")
    with op.batch_alter_table("journal") as batch_op:
        batch_op.drop_index("journal_ref")
        batch_op.drop_index("journal_kind")

    op.drop_table("journal")
    with op.batch_alter_table("fills") as batch_op:
        batch_op.drop_index("fills_time")

    op.drop_table("fills")
    op.drop_table("facts")
    op.drop_table("days")
    with op.batch_alter_table("commands") as batch_op:
        batch_op.drop_index("commands_seen")

    op.drop_table("commands")
    op.drop_table("boots")
