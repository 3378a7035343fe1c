"""What `./coin sim …` calls: plain functions over COIN-SIM's files and its admin API.

Nothing here starts or stops the server: that is the process manager's business, or `python -m simulator`.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from shared.data_folder import private
from shared.paths import DataPaths
from shared.settings import Settings
from simulator.api.auth import Right
from simulator.server.files import SimFiles, issue_key

TIMEOUT_S = 5.0
RIGHTS = ("view", "trade", "transfer")


class SimError(Exception):
    """What went wrong, as a sentence for a person."""


def lock_of(paths: DataPaths) -> FileLock:
    """Held by a running server for its account's sake."""
    return FileLock(paths.sim / "sim.lock")


def running(paths: DataPaths) -> bool:
    """Whether a server uses these files."""
    if not paths.sim.is_dir():
        return False
    lock = lock_of(paths)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def reset(paths: DataPaths) -> list[Path]:
    """Start over: forget balances, orders, fills and where a replay stood. Keys and certificates stay.

    Gives the files that were removed. Raises SimError while a server runs on them.
    """
    if running(paths):
        raise SimError("COIN-SIM is running: stop it first (./coin sim stop)")
    gone = []
    for flavour in ("", "-replay", "-paper"):
        for ending in ("", "-wal", "-shm"):
            path = paths.sim / f"account{flavour}.db{ending}"
            if path.exists():
                path.unlink()
                gone.append(path)
    return gone


def make_key(
    paths: DataPaths, rights: Iterable[str] = ("view", "trade"), *, edwards: bool = False, portfolio: str = ""
) -> Path:
    """Issue a further API key; gives the path of its file (0600). A running server takes it up within a second.

    `rights`: of RIGHTS. `portfolio`: uuid, "" = the default one. Raises SimError.
    """
    wanted = tuple(dict.fromkeys(rights))
    wrong = [right for right in wanted if right not in RIGHTS]
    if wrong or not wanted:
        raise SimError(f"unknown rights {', '.join(wrong) or '(none)'}: choose from {', '.join(RIGHTS)}")
    files = SimFiles(paths.sim)
    paths.prepare()
    private(files.root)
    return issue_key(files, [Right(right) for right in wanted], edwards=edwards, portfolio=portfolio)


def status(paths: DataPaths, settings: Settings) -> dict[str, Any] | None:
    """What the server says about itself; None = none answers. Raises SimError when it answers wrongly."""
    try:
        return _call(paths, settings, "GET", "/status")
    except ConnectionError:
        return None


def get_faults(paths: DataPaths, settings: Settings) -> dict[str, Any]:
    """{"armed": …, "counters": …, "known": […]}. Raises SimError."""
    return _reach(paths, settings, "GET", "/faults")


def set_faults(paths: DataPaths, settings: Settings, faults: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Arm faults: {"latency": {"rate": 0.1, "min_ms": 50, "max_ms": 400}}. Gives the new state. Raises SimError."""
    return _reach(paths, settings, "PUT", "/faults", faults)


def clear_faults(paths: DataPaths, settings: Settings) -> dict[str, Any]:
    """Disarm all; the counters stay. Raises SimError."""
    return _reach(paths, settings, "DELETE", "/faults")


def set_gate(paths: DataPaths, settings: Settings, product_id: str, gate: str) -> dict[str, Any]:
    """Halt a product or let it trade again: online, cancel_only, limit_only, post_only, auction, offline, delisted."""
    return _reach(paths, settings, "PUT", f"/products/{product_id}/gate", {"gate": gate})


def set_limits(paths: DataPaths, settings: Settings, *, enforce: bool) -> dict[str, Any]:
    """Switch the venue's rate limits (30 private and 10 public requests a second) on or off."""
    return _reach(paths, settings, "PUT", "/limits", {"enforce": enforce})


def deposit(paths: DataPaths, settings: Settings, value: str, currency: str = "USD") -> dict[str, Any]:
    """Add play money to the default portfolio. Raises SimError."""
    return _reach(paths, settings, "POST", "/deposit", {"value": value, "currency": currency})


def _reach(paths: DataPaths, settings: Settings, method: str, path: str, body: object = None) -> dict[str, Any]:
    try:
        return _call(paths, settings, method, path, body)
    except ConnectionError:
        raise SimError(f"COIN-SIM does not answer on port {settings.sim_admin_port}: is it running?") from None


def _call(paths: DataPaths, settings: Settings, method: str, path: str, body: object = None) -> dict[str, Any]:
    try:
        token = (paths.sim / "admin_token").read_text().strip()
    except FileNotFoundError:
        raise ConnectionError from None
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.sim_admin_port}{path}",
        method=method,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as refused:
        text = refused.read().decode(errors="replace")[:500]
        if refused.code == 401:
            raise SimError(
                f"port {settings.sim_admin_port} belongs to another COIN-SIM: it rejects our token"
            ) from refused
        raise SimError(text) from refused
    except (urllib.error.URLError, OSError) as unreachable:
        raise ConnectionError from unreachable
    except ValueError as wrong:
        raise SimError(f"port {settings.sim_admin_port} does not speak COIN-SIM's admin API") from wrong
    assert isinstance(found, dict)
    return found
