"""Checklists: weekly and monthly, filled in by what is known, with who has looked at which line."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from starlette.exceptions import HTTPException

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.checklists import view
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot
from reports.checklist import ChecklistFacts
from reports.checklist_facts import gathered
from reports.checklist_ticks import LISTS, TicksUnusable, period_of, read_ticks
from shared import settings as settings_module
from shared.settings import SettingsError
from shared.times import epoch_ms

FACTS_S = 20.0  # how old what the lines are judged by may be


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    """Raises HTTPException for a list that there is none of."""
    which = params.get("list", "") or "weekly"
    if which not in LISTS:
        raise HTTPException(404, "There are two checklists, weekly and monthly.")
    now_ms = epoch_ms(s.now)
    facts = await facts_of(hub, which, now_ms)
    problem = ""
    try:
        ticks = await asyncio.to_thread(read_ticks, hub.paths.reports)  # who ticks wants to see it
    except TicksUnusable as error:
        ticks, problem = [], str(error)
    return {"which": which, "facts": facts, "ticks": ticks, "problem": problem, "period": period_of(which, now_ms)}


async def facts_of(hub: Hub, which: str, now_ms: int) -> ChecklistFacts:
    """What the lines are judged by. HEARTBEAT_URL is as `.env` has it now: it is taken up without a restart."""

    def read() -> ChecklistFacts:
        settings = replace(hub.loaded.settings, data_dir=hub.paths.root)
        with suppress(SettingsError):
            now = settings_module.load(hub.loaded.env_file).settings
            settings = replace(settings, heartbeat_url=now.heartbeat_url)
        return gathered(settings, now_ms, LISTS[which][1])

    return await hub.cache.get(("checklist", which), FACTS_S, read)


def _lines(s: Snapshot, data: Data, role: str) -> Context:
    return {
        "c": view.checklist(data["which"], data["facts"], data["ticks"], data["period"], s.now),
        "problem": data["problem"], "operator": role == "operator",
    }  # fmt: skip


PAGE = Page(
    key="checklists",
    own_path="/alerts/checklists",
    own_icon="alerts",
    parts=(PagePart("ck-all", "lines.html", _lines),),
    load=load,
    params=("list",),
    listed=False,
)
