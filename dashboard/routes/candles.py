"""Bars for the chart, a page at a time, with everything that is drawn on them."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from dashboard.hub import Hub
from dashboard.pages.chart import page as chart_page
from dashboard.queries import FAR_S
from dashboard.routes import models as m
from dashboard.routes.tools import hub_of, json
from dashboard.rows import ShutGate
from dashboard.views import chart, chart_history, regimes
from dashboard.views.snapshot import Snapshot
from shared.documents.strategy import StrategyDoc
from shared.market_data import CandleRow, IndicatorRow
from shared.settings import GRANULARITIES, GRANULARITY_S

TTL_S = 1.0
MOST_TRIPS = 2_000


@dataclass(frozen=True, slots=True)
class ChartSpan:
    """The bars of one answer."""

    product_id: str
    granularity: str
    bars: list[CandleRow]  # those asked for, and before them the ones that the longest average looks back on
    shown: int  # of them, the newest
    before_s: int

    @property
    def since_s(self) -> int:
        return self.bars[-self.shown].start_s if self.shown else 0

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.product_id, self.granularity, self.since_s, self.before_s


def router() -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["api"])

    @routes.get(
        "/candles",
        response_class=Response,
        responses={
            200: {"model": m.CandlesReply},
            401: {"model": m.ErrorReply, "description": "Not signed in."},
            422: {"model": m.ErrorReply, "description": "A parameter is not valid."},
        },
    )
    async def candles(
        request: Request,
        product_id: Annotated[str, Query(max_length=32, pattern="^[A-Z0-9]+-[A-Z0-9]+$")],
        granularity: str = "ONE_MINUTE",
        limit: Annotated[int, Query(ge=1, le=2000)] = 400,
        before_s: Annotated[int, Query(ge=0, le=FAR_S)] = FAR_S,
    ) -> Response:
        """The newest bars that began before `before_s`, with what happened on them, and the levels of open lots."""
        if granularity not in GRANULARITIES:
            raise HTTPException(422, f"granularity is one of {', '.join(GRANULARITIES)}.")
        hub = hub_of(request)
        s = hub.reader.snapshot()
        strategy = s.state.strategy if s.state else None
        wanted = chart_history.lengths(strategy)
        back = max(wanted.values(), default=1)
        bars = await hub.cache.get(
            ("candles", product_id, granularity, limit + back, before_s), TTL_S,
            lambda: hub.market.candles(product_id, granularity, limit + back, before_s),
        )  # fmt: skip
        span = ChartSpan(product_id, granularity, bars or [], min(limit, len(bars or [])), before_s)
        shown = span.bars[len(span.bars) - span.shown :]
        newest = before_s == FAR_S
        unclosed = await chart_page.read_forming(hub, s, product_id, granularity, shown) if newest else None
        return json(
            {
                "known": bars is not None,
                "product_id": product_id,
                "granularity": granularity,
                "step_s": GRANULARITY_S[granularity],
                "candles": shown,
                "older": len(span.bars) > span.shown,
                "forming": unclosed.bars if unclosed else [],
                "lines": chart.lines(s, product_id),
                "last": chart.last_price(s, product_id),
                **await _happened(hub, span),
                **await _decided(hub, s, span, strategy, wanted),
            }
        )

    return routes


async def _happened(hub: Hub, span: ChartSpan) -> dict[str, Any]:
    """Fills and round trips within the bars."""
    since_ms, before_ms = span.since_s * 1000, span.before_s * 1000
    fills, trips = None, None
    if span.shown:
        if span.before_s == FAR_S:
            fills = await hub.cache.get(
                ("fills-c", span.product_id, since_ms), TTL_S, lambda: hub.ledger.fills(since_ms, 1000, span.product_id)
            )
        trips = await hub.cache.get(
            ("trips", *span.key), TTL_S,
            lambda: hub.ledger.closed_of(span.product_id, since_ms, before_ms, MOST_TRIPS),
        )  # fmt: skip
    return {
        "fills": [chart.marker(fill) for fill in reversed(fills or [])],
        "round_trips": chart_history.round_trips(trips or []),
    }


async def _decided(
    hub: Hub, s: Snapshot, span: ChartSpan, strategy: StrategyDoc | None, wanted: dict[str, int]
) -> dict[str, Any]:
    """What the strategy saw and said on the bars, and what kept it from an entry."""
    decisions: list[tuple[int, str]] = []
    recorded: list[IndicatorRow] = []
    shut: list[ShutGate] = []
    step_s = GRANULARITY_S[span.granularity]
    own_s = GRANULARITY_S.get(strategy.granularity, 0) if strategy is not None else 0
    if span.shown and step_s == own_s:
        decisions = await hub.cache.get(
            ("decisions", *span.key), TTL_S,
            lambda: hub.market.decisions(span.product_id, span.since_s, span.before_s),
        )  # fmt: skip
        recorded = await hub.cache.get(
            ("indicators", *span.key), TTL_S,
            lambda: hub.market.indicators(span.product_id, span.granularity, span.since_s, span.before_s),
        )  # fmt: skip
    if span.shown and strategy is not None and step_s >= own_s > 0:
        shut = await hub.cache.get(
            ("shut", *span.key), TTL_S,
            lambda: hub.market.shut_gates(span.product_id, step_s, span.since_s, span.before_s),
        )  # fmt: skip
    last = span.bars[-1].close if span.bars else None
    lines = chart.overlays(recorded, last, strategy.members if strategy else ())
    return {
        "signals": chart.turns(decisions),
        "indicators": chart_history.moving_averages(span.bars, span.shown, wanted, recorded)
        | chart_history.other_lines(lines, wanted),
        "regimes": regimes.strip(recorded),
        "gates": [[one.start_s, one.gate, one.bars, one.fault] for one in shut],
        "gate_rows": chart_history.strip_rows(s, shut),
    }
