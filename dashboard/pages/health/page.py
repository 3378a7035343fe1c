"""Health: what a reader can check by itself, PM2's table, file ages, the account and its last
audit, feeds, the clock and failed writes."""

from dashboard import disk
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.health import view
from dashboard.pages.health.sign_ins import sign_ins
from dashboard.render import Context
from dashboard.views import account, commands
from dashboard.views.snapshot import Snapshot


async def load(hub: Hub, _s: Snapshot, _params: Params) -> Data:
    found = await hub.cache.get(
        "files", 1.0, lambda: disk.look(hub.paths, ledger_on_server=hub.ledger.location.on_server)
    )
    return {
        "files": found,
        "assets": hub.assets.missing,
        "build": hub.build,
        "foreign": hub.foreign.lately(),
        "told_apart": bool(hub.door.peers.way),
    }


def _checks(s: Snapshot, data: Data, _role: str) -> Context:
    found = view.checks(s, data["files"], data["assets"], data["build"])
    return {"checks": [*found, sign_ins(data["foreign"], data["told_apart"], s.now)]}


def _pm2(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": view.processes(s), "look": s.pm2}


def _files(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"rows": view.files(data["files"])}


def _feeds(s: Snapshot, _data: Data, _role: str) -> Context:
    return {
        "feeds": s.state.feeds if s.state else None,
        "rows": view.feed_rows(s),
        "channels": view.channel_rows(s),
    }


def _account(s: Snapshot, _data: Data, role: str) -> Context:
    return {"rows": account.rows(s), "audit": account.audit(s), "button": commands.buttons(s, role).adopt}


def _machine(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": view.machine_rows(s)}


PAGE = Page(
    key="health",
    shortcut="b",
    parts=(
        PagePart("he-checks", "checks.html", _checks),
        PagePart("he-pm2", "pm2.html", _pm2),
        PagePart("he-files", "files.html", _files),
        PagePart("he-account", "account.html", _account),
        PagePart("he-feeds", "feeds.html", _feeds),
        PagePart("he-machine", "machine.html", _machine),
    ),
    load=load,
)
