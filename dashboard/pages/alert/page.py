"""One alert's life: since when, what became of it, who knows, each message with what came back, what to do."""

from starlette.exceptions import HTTPException

from dashboard import alert_history
from dashboard.alert_history import AlertHistoryError, AlertLife, AlertMonth
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.alert import bundle_card, feed, view
from dashboard.pages.alerts.view import silence
from dashboard.pages.runbook.page import rendered
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot
from incident.kept import KeptBundle, kept_bundles
from shared.times import epoch_ms

LIFE_S, MONTH_S = 1.0, 20.0  # how old what is shown may be
MOST_DID = 40  # lines of the bot's activity log


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    """Raises HTTPException where there is no alert of that number, or it is no number."""
    text = params.get("number", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise HTTPException(404, "An alert is named by its number.")
    number, file, now_ms = int(text), hub.paths.watch / "alerts.db", epoch_ms(s.now)
    found: AlertLife | None = None
    month: AlertMonth | None = None
    error = ""
    try:
        found = await hub.cache.get(("alert", number), LIFE_S, lambda: alert_history.life(file, number))
        month = await hub.cache.get("alert-days", MONTH_S, lambda: alert_history.month(file, now_ms))
    except AlertHistoryError as trouble:
        error = str(trouble)
    found = view.with_what_is_published(found, number, s.watcher.doc)
    if found is None:
        raise HTTPException(404, "There is no alert of this number. They are kept for 90 days.")
    did = None
    if (span := view.bot_span(found, hub.loaded.settings.bot_name, now_ms)) is not None:
        key = ("alert-did", number)
        did = await hub.cache.get(
            key, LIFE_S, lambda: hub.ledger.activity_between(span.from_ms, span.to_ms, MOST_DID + 1)
        )
    bundles: list[KeptBundle] | str
    try:
        bundles = await hub.cache.get("bundles", LIFE_S, lambda: kept_bundles(hub.paths.root))
    except OSError as trouble:
        bundles = trouble.strerror or str(trouble)
    return {"life": found, "month": month, "error": error, "span": span, "did": did, "bundles": bundles}


def _head(s: Snapshot, data: Data, role: str) -> Context:
    return {"a": view.head(data["life"], data["month"], s), "operator": role == "operator", "error": data["error"],
            "silence": silence(s.watcher)}  # fmt: skip


def _timeline(s: Snapshot, data: Data, _role: str) -> Context:
    return {"rows": view.timeline(data["life"], s.now)}


def _did(_s: Snapshot, data: Data, _role: str) -> Context:
    span = data["span"]
    return {"d": view.did(span, data["did"], MOST_DID) if span is not None else None}


def _feed(s: Snapshot, data: Data, _role: str) -> Context:
    life = data["life"]
    return {"c": feed.chart(life.feed, life.alert.since_ms, s.now) if life.feed is not None else None}


def _days(s: Snapshot, data: Data, _role: str) -> Context:
    return {"row": view.days(data["life"], data["month"], s.now)}


def _runbook(s: Snapshot, data: Data, _role: str) -> Context:
    name = view.runbook(data["life"], s.watcher.doc)
    found = rendered(name) if name else None
    return {"name": name, "heading": found[0] if found else "", "text": found[1] if found else None,
            "todo": view.todo(data["life"])}  # fmt: skip


def _bundle(s: Snapshot, data: Data, role: str) -> Context:
    return {"b": bundle_card.card(data["life"], data["bundles"], epoch_ms(s.now)), "operator": role == "operator"}


def _sent(s: Snapshot, data: Data, _role: str) -> Context:
    return {"rows": view.sent(data["life"], s.now)}


PAGE = Page(
    key="alert",
    own_icon="alerts",
    parts=(
        PagePart("ad-head", "head.html", _head),
        PagePart("ad-life", "timeline.html", _timeline),
        PagePart("ad-run", "runbook.html", _runbook),
        PagePart("ad-feed", "feed.html", _feed),
        PagePart("ad-did", "did.html", _did),
        PagePart("ad-days", "days.html", _days),
        PagePart("ad-bundle", "bundle.html", _bundle),
        PagePart("ad-sent", "sent.html", _sent),
    ),
    load=load,
    params=("number",),
    listed=False,
)
