"""Moment: any past moment as the ledger recorded it."""

from datetime import UTC, datetime

from starlette.exceptions import HTTPException

from dashboard import moments
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.moment import view
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot

LAST_MS = int(datetime(9998, 12, 31, tzinfo=UTC).timestamp() * 1000)  # the links reach a day further


def asked(text: str) -> int | None:
    """The milliseconds of `2026-11-20T05:23:02` (UTC, seconds may be left out); None = not a time since 1970."""
    try:
        at = datetime.fromisoformat(text[:32])
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        ms = int(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return ms if 0 <= ms <= LAST_MS else None


async def load(hub: Hub, _s: Snapshot, params: Params) -> Data:
    """Raises HTTPException where `at` is given and no time."""
    at_ms = asked(params.get("at", ""))
    if at_ms is None and params.get("at"):
        raise HTTPException(400, "Not a time between 1970 and 9998. Format: 2026-11-20T05:23:02.")
    found = await hub.cache.get(("moment", at_ms), 2.0, lambda: moments.look(hub.ledger, hub.market, at_ms))
    return {"moment": None if found is None else view.moment(found)}


def _shown(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"m": data["moment"]}


PAGE = Page(
    key="moment",
    own_icon="events",
    parts=(PagePart("mo-all", "moment.html", _shown),),
    load=load,
    params=("at",),
    listed=False,
)
