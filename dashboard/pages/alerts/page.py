"""Alerts: what fires, since when, who knows, what was sent where and what came back; each rule with its live value."""

from dashboard import alert_history
from dashboard.alert_history import AlertHistoryError
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.alerts import days_view, rules_view, view
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot
from shared.times import epoch_ms

DAYS_S = 20.0  # how old the strip of days may be


async def load(hub: Hub, s: Snapshot, _params: Params) -> Data:
    now_ms = epoch_ms(s.now)
    try:
        found = await hub.cache.get(
            "alert-days", DAYS_S, lambda: alert_history.month(hub.paths.watch / "alerts.db", now_ms)
        )
    except AlertHistoryError as error:
        return {"quiet": hub.loaded.settings.alert_quiet_hours, "days": None, "days_error": str(error)}
    shown = days_view.days(found, now_ms) if found is not None else None
    return {"quiet": hub.loaded.settings.alert_quiet_hours, "days": shown, "days_error": ""}


def _firing(s: Snapshot, _data: Data, role: str) -> Context:
    doc = s.watcher.doc
    return {
        "doc": doc,
        "problem": view.problem(s.watcher),
        "rows": view.firing(doc, s.now) if doc else [],
        "calm": view.calm(doc, s.now) if doc else None,
        "nearest": rules_view.nearest(doc) if doc and not doc.firing else [],
        "silence": view.silence(s.watcher),
        "full": s.watcher.disk_full,
        "operator": role == "operator",
    }


def _watchers(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": view.watchers(s), "boxes": view.boxes(s)}


def _quiet(s: Snapshot, data: Data, _role: str) -> Context:
    doc = s.watcher.doc
    told = doc.quiet_hours if doc is not None else None  # what holds is the watcher's; before it spoke, the dashboard's
    return {"quiet": data["quiet"] if told is None else told, "doc": doc}


def _resolved(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": view.resolved(s.watcher.doc) if s.watcher.doc else []}


def _sinks(s: Snapshot, _data: Data, role: str) -> Context:
    doc = s.watcher.doc
    return {"rows": view.sinks(doc, s.now) if doc else [], "operator": role == "operator"}


def _days(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"month": data["days"], "error": data["days_error"]}


def _rules(s: Snapshot, _data: Data, _role: str) -> Context:
    doc = s.watcher.doc
    return {"groups": rules_view.groups(doc) if doc else [], "count": rules_view.count(doc)}


PAGE = Page(
    key="alerts",
    shortcut="a",
    parts=(
        PagePart("al-now", "firing.html", _firing),
        PagePart("al-watch", "watchers.html", _watchers),
        PagePart("al-quiet", "quiet.html", _quiet),
        PagePart("al-past", "resolved.html", _resolved),
        PagePart("al-days", "days.html", _days),
        PagePart("al-sinks", "sinks.html", _sinks),
        PagePart("al-rules", "rules.html", _rules),
    ),
    load=load,
)
