"""A past moment is what the ledger had recorded by then."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard import moments
from dashboard.pages.moment.page import asked
from dashboard.pages.moment.view import moment
from dashboard.queries import LedgerQueries, MarketQueries
from shared.ledger.open import open_writer
from shared.ledger.schema import boots, latches
from shared.paths import DataPaths
from tests.dashboard.past_files import fill_ledger, fill_market
from tests.ledger_rows import put


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> DataPaths:
    made = DataPaths(tmp_path_factory.mktemp("moment"))
    made.prepare()
    fill_market(made, days_back=1)
    fill_ledger(made, round_trips=20)
    return made


def test_each_lot_is_open_from_its_opening_to_its_end_and_never_outside(paths: DataPaths) -> None:
    ledger, market = LedgerQueries(paths.ledger), MarketQueries(paths.market_db)
    closed = ledger.closed_lots()
    assert closed
    for lot in closed:
        for at, there in ((lot.opened_ms - 1, False), (lot.opened_ms, True), (lot.closed_ms - 1, True),
                          (lot.closed_ms, False)):  # fmt: skip
            then = moments.look(ledger, market, at)
            assert then is not None
            assert (lot.lot_id in {x.lot_id for x in then.lots}) is there
            assert all(e.at_ms <= at for e in then.before)
            assert all(e.at_ms > at for e in then.after)


def test_an_order_is_at_work_until_its_last_change(paths: DataPaths) -> None:
    ledger, market = LedgerQueries(paths.ledger), MarketQueries(paths.market_db)
    done = ledger.orders(working=False, limit=5)
    assert done
    for order in done:
        for at, there in ((order.created_ms - 1, False), (order.created_ms, True), (order.updated_ms, False)):
            then = moments.look(ledger, market, at)
            assert then is not None
            assert (order.client_order_id in {x.client_order_id for x in then.orders}) is there


def test_latch_start_and_wish_are_those_of_then(paths: DataPaths) -> None:
    engine = open_writer(paths.ledger)
    with engine.begin() as db:
        put(db, boots, boot_id="b1", at_ms=1000, build="x", ended_ms=5000)
        put(db, latches, latch_id="kill-1", kind="kill", at_ms=2000, source="KILL file", lifted_ms=3000)
    engine.dispose()
    ledger, market = LedgerQueries(paths.ledger), MarketQueries(paths.market_db)
    for at, latched, alive in (
        (500, 0, "not started"),
        (1500, 0, "up"),
        (2500, 1, "up"),
        (3500, 0, "up"),
        (6000, 0, "ended"),
    ):
        then = moments.look(ledger, market, at)
        assert then is not None
        assert len(then.latches) == latched
        rows = dict(moment(then).rows)
        assert rows["Bot"].startswith(alive)
        assert rows["Requested"] == "run, no command yet"
        assert rows["Equity"] == "not recorded then"


def test_without_a_ledger_nothing_is_claimed(tmp_path: Path) -> None:
    assert moments.look(LedgerQueries(tmp_path / "none.db"), MarketQueries(tmp_path / "none.db"), None) is None


@pytest.mark.parametrize("text", ["", "x", "2026-13-01", "<b>", "9999999", "0001-01-01T00:00:00", "NaN"])
def test_what_is_no_time_shows_the_newest_moment(text: str) -> None:
    assert asked(text) is None or text == "9999999"


def test_a_time_is_utc() -> None:
    assert asked("2026-11-20T05:23") == int(datetime(2026, 11, 20, 5, 23, tzinfo=UTC).timestamp() * 1000)
    assert asked("2026-11-20T05:23:02+01:00") == int(datetime(2026, 11, 20, 4, 23, 2, tzinfo=UTC).timestamp() * 1000)
