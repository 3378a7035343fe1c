"""The list of pages, in the order of the navigation."""

from dashboard.content import chart, events, health, log, overview, positions
from dashboard.pages import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    positions.PAGE,
    chart.PAGE,
    log.PAGE,
    events.PAGE,
    health.PAGE,
)
