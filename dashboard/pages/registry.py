"""The list of pages, in the order of the navigation. A new page is a folder beside this file and a line here."""

from dashboard.page import Page
from dashboard.pages.alert.page import PAGE as ALERT
from dashboard.pages.alerts.page import PAGE as ALERTS
from dashboard.pages.chart.page import PAGE as CHART
from dashboard.pages.checklists.page import PAGE as CHECKLISTS
from dashboard.pages.compare.page import PAGE as COMPARE
from dashboard.pages.events.page import PAGE as EVENTS
from dashboard.pages.health.page import PAGE as HEALTH
from dashboard.pages.help.page import PAGE as HELP
from dashboard.pages.job.page import PAGE as JOB
from dashboard.pages.journal.page import PAGE as JOURNAL
from dashboard.pages.lab.page import PAGE as LAB
from dashboard.pages.log.page import PAGE as LOG
from dashboard.pages.moment.page import PAGE as MOMENT
from dashboard.pages.orders.page import PAGE as ORDERS
from dashboard.pages.overview.page import PAGE as OVERVIEW
from dashboard.pages.performance.page import PAGE as PERFORMANCE
from dashboard.pages.positions.page import PAGE as POSITIONS
from dashboard.pages.risk.page import PAGE as RISK
from dashboard.pages.run.page import PAGE as RUN
from dashboard.pages.runbook.page import PAGE as RUNBOOK
from dashboard.pages.sessions.page import PAGE as SESSIONS
from dashboard.pages.settings.page import PAGE as SETTINGS
from dashboard.pages.sinks.page import PAGE as SINKS
from dashboard.pages.strategy.page import PAGE as STRATEGY
from dashboard.pages.tax.page import PAGE as TAX
from dashboard.pages.why.page import PAGE as WHY

PAGES: tuple[Page, ...] = (
    OVERVIEW,
    POSITIONS,
    ORDERS,
    CHART,
    WHY,
    RISK,
    PERFORMANCE,
    JOURNAL,
    STRATEGY,
    LAB,
    ALERTS,
    LOG,
    EVENTS,
    HEALTH,
    SETTINGS,
    SESSIONS,
    HELP,
    MOMENT,
    ALERT,
    SINKS,
    CHECKLISTS,
    RUNBOOK,
    RUN,
    JOB,
    COMPARE,
    TAX,
)
