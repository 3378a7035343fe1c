"""What the ledger and the market data say about one past moment. Blocks: for a thread."""

from typing import TypeVar

from sqlalchemy import func, or_, select

from dashboard.reads import Ledger, Market
from dashboard.rows import DONE_STATES, BootThen, Entry, Latch, LedgerCommand, LedgerOrder, LotThen, Moment, Span
from shared.control import LEVEL_OF
from shared.ledger.schema import boots, commands, journal, latches, lots, orders

T = TypeVar("T")
BEFORE, AFTER = 25, 10


def look(ledger: Ledger, market: Market, at_ms: int | None) -> Moment | None:
    """The moment at `at_ms` (None: the newest in the journal). None = there is no ledger to read."""
    ends = ledger.all(Span, select(func.min(journal.c.at_ms), func.max(journal.c.at_ms)))
    if not ends:
        return None
    at = at_ms if at_ms is not None else ends[0].last_ms or 0
    held = _lots(ledger, at)
    bars = {p: bar for p in {one.product_id for one in held} if (bar := market.bar_at(p, at // 1000)) is not None}
    entry = [journal.c[name] for name in Entry.__slots__]
    return Moment(
        at_ms=at,
        span=ends[0],
        boot=_first(
            ledger.all(
                BootThen,
                select(*[boots.c[n] for n in BootThen.__slots__])
                .where(boots.c.at_ms <= at)
                .order_by(boots.c.at_ms.desc())
                .limit(1),
            )
        ),
        level=_first(
            ledger.all(
                LedgerCommand,
                select(*[commands.c[n] for n in LedgerCommand.__slots__])
                .where(commands.c.seen_ms <= at, commands.c.cmd.in_(sorted(LEVEL_OF)), commands.c.state == "done")
                .order_by(commands.c.seen_ms.desc())
                .limit(1),
            )
        ),
        latches=ledger.all(
            Latch,
            select(*[latches.c[n] for n in Latch.__slots__]).where(
                latches.c.at_ms <= at, or_(latches.c.lifted_ms.is_(None), latches.c.lifted_ms > at)
            ),
        )
        or [],
        lots=held,
        orders=ledger.all(
            LedgerOrder,
            select(*[orders.c[n] for n in LedgerOrder.__slots__])
            .where(orders.c.created_ms <= at, or_(~orders.c.state.in_(sorted(DONE_STATES)), orders.c.updated_ms > at))
            .order_by(orders.c.created_ms.desc())
            .limit(200),
        )
        or [],
        before=ledger.all(
            Entry,
            select(*entry)
            .where(journal.c.at_ms <= at)
            .order_by(journal.c.at_ms.desc(), journal.c.seq.desc())
            .limit(BEFORE),
        )
        or [],
        after=ledger.all(
            Entry, select(*entry).where(journal.c.at_ms > at).order_by(journal.c.at_ms, journal.c.seq).limit(AFTER)
        )
        or [],
        equity=market.equity_at(at // 1000),
        bars=bars,
    )


def _lots(ledger: Ledger, at: int) -> list[LotThen]:
    query = (
        select(*[lots.c[n] for n in LotThen.__slots__])
        .where(lots.c.opened_ms <= at, or_(lots.c.closed_ms.is_(None), lots.c.closed_ms > at))
        .order_by(lots.c.product_id, lots.c.opened_ms)
    )
    return ledger.all(LotThen, query) or []


def _first(rows: list[T] | None) -> T | None:
    return rows[0] if rows else None
