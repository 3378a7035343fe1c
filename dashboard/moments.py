"""The state at one past moment, from the ledger and the market data. Blocks: for a thread."""

from typing import TypeVar

from dashboard.queries import LedgerQueries, MarketQueries
from dashboard.rows import (
    DONE_STATES,
    ActivityRow,
    BootThen,
    LedgerCommand,
    LedgerLatch,
    LedgerOrder,
    LotThen,
    PastMoment,
    Span,
)
from shared.control import LEVEL_OF
from shared.ledger.db import among
from shared.ledger.schema import activity_log, boots, commands, latches, lots, orders

T = TypeVar("T")
BEFORE, AFTER, MOST = 25, 10, 200


def look(ledger: LedgerQueries, market: MarketQueries, at_ms: int | None) -> PastMoment | None:
    """The moment at `at_ms` (None: the newest in the activity log). None = there is no ledger to read."""
    span = _span(ledger)
    if span is None:
        return None
    at = at_ms if at_ms is not None else span.last_ms or 0
    held = _lots(ledger, at)
    bars = {p: bar for p in {one.product_id for one in held} if (bar := market.bar_at(p, at // 1000)) is not None}
    levels, words = among("cmd", sorted(LEVEL_OF))
    done, states = among("state", sorted(DONE_STATES))
    then = {"at": at}
    command = f"WHERE seen_ms <= :at AND cmd IN {levels} AND state = 'done' ORDER BY seen_ms DESC LIMIT 1"
    open_then = f"created_ms <= :at AND (state NOT IN {done} OR updated_ms > :at)"
    working = f"WHERE {open_then} ORDER BY created_ms DESC LIMIT {MOST}"
    before = f"WHERE at_ms <= :at ORDER BY at_ms DESC, seq DESC LIMIT {BEFORE}"
    after = f"WHERE at_ms > :at ORDER BY at_ms, seq LIMIT {AFTER}"
    return PastMoment(
        at_ms=at,
        span=span,
        boot=_first(ledger.all(BootThen, boots, "WHERE at_ms <= :at ORDER BY at_ms DESC LIMIT 1", then)),
        level=_first(ledger.all(LedgerCommand, commands, command, {**words, **then})),
        latches=ledger.all(LedgerLatch, latches, "WHERE at_ms <= :at AND (lifted_ms IS NULL OR lifted_ms > :at)", then)
        or [],
        lots=held,
        orders=ledger.all(LedgerOrder, orders, working, {**states, **then}) or [],
        before=ledger.all(ActivityRow, activity_log, before, then) or [],
        after=ledger.all(ActivityRow, activity_log, after, then) or [],
        equity=market.equity_at(at // 1000),
        bars=bars,
    )


def _span(ledger: LedgerQueries) -> Span | None:
    """From the activity log's first line to its last; None = there is no ledger to read."""
    first = ledger.rows(activity_log, ("at_ms",), "ORDER BY at_ms LIMIT 1")
    last = ledger.rows(activity_log, ("at_ms",), "ORDER BY at_ms DESC LIMIT 1")
    if first is None or last is None:
        return None
    return Span(first[0].at_ms if first else None, last[0].at_ms if last else None)


def _lots(ledger: LedgerQueries, at: int) -> list[LotThen]:
    end = "WHERE opened_ms <= :at AND (closed_ms IS NULL OR closed_ms > :at) ORDER BY product_id, opened_ms"
    return ledger.all(LotThen, lots, end, {"at": at}) or []


def _first(rows: list[T] | None) -> T | None:
    return rows[0] if rows else None
