"""Migrations of the ledger's schema, with Alembic. Loaded only where there is something to migrate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from shared.ledger.db import LedgerError, LedgerUnavailable

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(url: str, connect_args: Mapping[str, Any]) -> None:
    """Bring the schema to its newest revision; all of it or nothing. Raises LedgerError."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    engine = create_engine(url, poolclass=NullPool, connect_args=dict(connect_args))
    try:
        with engine.begin() as db:
            if db.dialect.name == "sqlite":
                db.exec_driver_sql("BEGIN IMMEDIATE")  # Python's sqlite3 would commit each change of the schema
            else:
                db.execute(text("SET LOCAL statement_timeout = 0"))  # a long past takes its time
            config.attributes["connection"] = db
            command.upgrade(config, "head")
    except OperationalError as error:
        raise LedgerUnavailable(str(error.orig)) from error
    except SQLAlchemyError as error:
        raise LedgerError(str(error)) from error
    finally:
        engine.dispose()
