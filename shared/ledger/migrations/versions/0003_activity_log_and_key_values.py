"""Two tables get the names of what they hold: `journal` becomes `activity_log`, `facts` becomes `key_values`.

No row changes. The journal is the table `events`, which stays as it is: its rows may name the tables as they were
called then (`shared.ledger.schema.FORMER_NAMES`), so its chain holds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (("facts", "key_values"), ("journal", "activity_log"))
INDEXES = (("journal_kind", ("kind", "at_ms")), ("journal_ref", ("ref",)))


def upgrade() -> None:
    for old, new in TABLES:
        op.rename_table(old, new)
    for name, columns in INDEXES:
        op.drop_index(name, table_name="activity_log")
        op.create_index(name.replace("journal", "activity_log"), "activity_log", list(columns))
    _rename_on_postgres(TABLES)


def downgrade() -> None:
    for name, columns in INDEXES:
        op.drop_index(name.replace("journal", "activity_log"), table_name="activity_log")
        op.create_index(name, "activity_log", list(columns))
    back = tuple((new, old) for old, new in TABLES)
    for new, old in back:
        op.rename_table(new, old)
    _rename_on_postgres(back)


def _rename_on_postgres(tables: tuple[tuple[str, str], ...]) -> None:
    """There, the primary key and the counter of a table have names of their own."""
    db = op.get_bind()
    if db.dialect.name != "postgresql":
        return
    for old, new in tables:
        db.execute(sa.text(f"ALTER INDEX IF EXISTS {old}_pkey RENAME TO {new}_pkey"))
        db.execute(sa.text(f"ALTER SEQUENCE IF EXISTS {old}_seq_seq RENAME TO {new}_seq_seq"))
