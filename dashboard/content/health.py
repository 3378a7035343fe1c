"""Health: what a reader can check by itself, PM2's table, file ages, the account and its last
audit, feeds, the clock and failed writes."""

from dashboard import disk
from dashboard.hub import Hub
from dashboard.pages import Data, Page, Params, Part
from dashboard.render import Context
from dashboard.views import account, commands, health
from dashboard.views.sign_ins import sign_ins
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
    found = health.checks(s, data["files"], data["assets"], data["build"])
    return {"checks": [*found, sign_ins(data["foreign"], data["told_apart"], s.now)]}


def _pm2(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": health.processes(s), "look": s.pm2}


def _files(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"rows": health.files(data["files"])}


def _feeds(s: Snapshot, _data: Data, _role: str) -> Context:
    return {
        "feeds": s.state.feeds if s.state else None,
        "rows": health.feed_rows(s),
        "channels": health.channel_rows(s),
    }


def _account(s: Snapshot, _data: Data, role: str) -> Context:
    return {"rows": account.rows(s), "audit": account.audit(s), "button": commands.buttons(s, role).adopt}


def _machine(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": health.machine_rows(s)}


PAGE = Page(
    key="health",
    path="/health",
    title="Health",
    icon="health",
    primary=False,
    shortcut="b",
    parts=(
        Part("he-checks", "parts/health_checks.html", _checks),
        Part("he-pm2", "parts/health_pm2.html", _pm2),
        Part("he-files", "parts/health_files.html", _files),
        Part("he-account", "parts/health_account.html", _account),
        Part("he-feeds", "parts/health_feeds.html", _feeds),
        Part("he-machine", "parts/health_machine.html", _machine),
    ),
    load=load,
)
