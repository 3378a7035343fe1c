"""The list of pages, in the order of the navigation."""

from dashboard.content import (
    chart,
    events,
    health,
    log,
    moment,
    orders,
    overview,
    performance,
    positions,
    risk,
    sessions,
    settings,
    strategy,
    why,
)
from dashboard.pages import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    positions.PAGE,
    orders.PAGE,
    chart.PAGE,
    why.PAGE,
    risk.PAGE,
    performance.PAGE,
    strategy.PAGE,
    log.PAGE,
    events.PAGE,
    health.PAGE,
    settings.PAGE,
    sessions.PAGE,
    moment.PAGE,
)
