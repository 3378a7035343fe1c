"""Where a ledger may be: a file, and a throw-away Postgres server on loopback; one is asked as the other."""

from pathlib import Path

import pytest

from shared.ledger.location import LedgerLocation
from tests.postgres_server import Server, postgres

__all__ = ["postgres"]


@pytest.fixture(params=["file", pytest.param("server", marks=[pytest.mark.services, pytest.mark.needs("postgres")])])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerLocation:
    """A ledger that is not there yet, of either kind."""
    if request.param == "file":
        return LedgerLocation(tmp_path / "ledger.db")
    server: Server = request.getfixturevalue("postgres")
    return server.location(tmp_path)
