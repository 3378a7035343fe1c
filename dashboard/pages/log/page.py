"""Log: the newest lines of the processes' own logs, filtered on the server."""

from dashboard import tail
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot

LEVELS = ("", "DEBUG", "INFO", "WARNING", "ERROR")
SHOWN = 300
_TONE = {"ERROR": "bad", "CRITICAL": "bad", "WARNING": "warn", "DEBUG": "idle"}


async def load(hub: Hub, _s: Snapshot, params: Params) -> Data:
    source, q = params.get("source", ""), params.get("q", "")
    level = params.get("level", "")
    level = level if level in LEVELS else ""
    lines = await hub.cache.get(
        ("log", source, level, q), 1.0, lambda: tail.read(hub.paths.logs, source, level, q, SHOWN)
    )
    names = await hub.cache.get("log-sources", 5.0, lambda: tail.sources(hub.paths.logs))
    return {"lines": lines, "sources": names, "source": source, "level": level, "q": q}


def _lines(_s: Snapshot, data: Data, _role: str) -> Context:
    rows = [(line, _TONE.get(line.level, "info"), line.at[11:19] or "--") for line in data["lines"]]
    return {"rows": rows, "filtered": bool(data["source"] or data["level"] or data["q"]), "most": SHOWN}


PAGE = Page(
    key="log",
    shortcut="l",
    parts=(PagePart("lg-lines", "lines.html", _lines),),
    load=load,
    params=("source", "level", "q"),
)
