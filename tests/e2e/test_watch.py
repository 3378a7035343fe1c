"""COIN-WATCH beside a real bot on COIN-SIM: what happens to the bot is told at a real sink, in time and once."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.system import System, kill9
from tests.watch.receiver import Receiver

pytestmark = pytest.mark.needs("proc")
WITHIN_S = 6.0


class Watched(System):
    """A system with a watcher and a sink."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sink = Receiver()
        self.env_file = folder.parent / "watch.env"
        self.env_file.touch(mode=0o600)
        self.env_file.write_text(f"ALERT_WEBHOOK_URL={self.sink.url}/canary-hook\n")
        self.env["WATCH_ENV"] = str(self.env_file)

    def watcher(self) -> None:
        self.watch = self.spawn("tests.watch.watcher", {})
        self.until_alerts(lambda d: d["pid"] == self.watch.pid, "the watcher's first look")

    def alerts(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "alerts.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def until_alerts(self, what: Any, why: str, limit_s: float = 15.0) -> dict[str, Any]:
        deadline_s = time.monotonic() + limit_s
        while True:
            found = self.alerts()
            if found and what(found):
                return found
            assert time.monotonic() < deadline_s, f"{why}: {found}"
            time.sleep(0.05)

    def told(self, name: str) -> list[tuple[str, str]]:
        return [(m["kind"], m["title"]) for m in self.sink.messages() if m["name"] == name]

    def first_told_s(self, name: str, kind: str = "fired") -> float:
        return next(
            one.at_s for one in self.sink.got for m in one.json["messages"] if m["name"] == name and m["kind"] == kind
        )

    def close(self) -> None:
        super().close()
        self.sink.close()


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Watched]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    made = Watched(folder)
    yield made
    made.close()


def test_a_killed_bot_is_told_once_and_its_recovery_once(system: Watched) -> None:
    system.sim()
    bot = system.bot()
    system.trades()
    system.watcher()
    system.until_alerts(
        lambda d: any(r["name"] == "bot_dead" and r["value"] == "lives" for r in d["rules"]), "it lives"
    )
    kill9(bot)
    killed_s = time.monotonic()
    system.sink.until(lambda r: system.told("process.main"), WITHIN_S, "told")
    assert system.first_told_s("process.main") - killed_s <= WITHIN_S
    before = system.state()["boot_id"]
    system.bot()
    system.until(lambda s: s["boot_id"] != before and s["status"] == "running", 60, "the next run trades")
    system.sink.until(lambda r: len(system.told("process.main")) > 1, 30, "the recovery")
    time.sleep(1.0)
    kinds = [kind for kind, _ in system.told("process.main")]
    assert kinds == ["fired", "resolved"], system.sink.messages()
    (over,) = system.alerts()["resolved"]
    assert over["name"] == "process.main" and {s["sink"]: s["answer"] for s in over["sent"]} == {"webhook": "200 ok"}


def test_a_bot_that_is_held_and_a_kill_are_told_and_an_orderly_end_is_not(system: Watched) -> None:
    system.env["WATCHDOG_SEC"] = "0"
    system.sim()
    system.dashboard()
    bot = system.bot()
    system.trades()
    system.watcher()
    bot.send_signal(signal.SIGSTOP)
    held_s = time.monotonic()
    system.sink.until(lambda r: system.told("process.main"), 5.0 + WITHIN_S, "a silent bot is told")
    assert 4.4 <= system.first_told_s("process.main") - held_s <= 5.0 + WITHIN_S, (
        "its last write was up to 0.5 s before"
    )
    bot.send_signal(signal.SIGCONT)
    system.sink.until(lambda r: len(system.told("process.main")) == 2, 40, "it writes again")
    (system.folder / "KILL").touch(mode=0o600)
    shut_s = time.monotonic()
    system.sink.until(lambda r: system.told("kill.main"), WITHIN_S, "the kill is told")
    assert system.first_told_s("kill.main") - shut_s <= WITHIN_S
    bot.send_signal(signal.SIGTERM)
    assert bot.wait(10) == 0
    time.sleep(3.0)
    assert len(system.told("process.main")) == 2, "whoever ends it knows it"


def test_a_watcher_that_is_killed_goes_on_where_it_was_and_stops_nothing(system: Watched) -> None:
    system.sim()
    bot = system.bot()
    system.trades()
    (system.folder / "KILL").touch(mode=0o600)
    system.until(lambda s: s["kill"], why="killed")
    system.watcher()
    system.sink.until(lambda r: system.told("kill.main"), WITHIN_S, "told")
    system.until_alerts(lambda d: d["firing"] and d["firing"][0]["sent"][0]["state"] == "sent", "marked as sent")
    kill9(system.watch)
    system.watcher()
    time.sleep(3.0)
    assert [kind for kind, _ in system.told("kill.main")] == ["fired"], "it is not told anew"
    assert system.alerts()["firing"][0]["number"] == 1
    assert bot.poll() is None and system.state()["kill"]


def test_no_secret_is_in_what_the_watcher_writes_or_shows(system: Watched) -> None:
    system.sink.answer = lambda one: (500, f"no: {one.path}".encode(), {})
    (system.folder / "KILL").touch(mode=0o600)
    system.watcher()
    system.until_alerts(lambda d: d["sinks"][0]["failures"], "a try that failed")
    files = [path for path in system.folder.rglob("*") if path.is_file()]
    kept = {str(path): path.read_bytes() for path in files}
    for name in ("environ", "cmdline"):
        kept[name] = Path(f"/proc/{system.watch.pid}/{name}").read_bytes()
    assert len(kept) > 5 and [name for name, data in kept.items() if b"canary" in data] == []
    assert all(not os.stat(path).st_mode & 0o077 for path in files if path.name != "tests.watch.watcher.out")
