"""Fixtures and rules for every room's tests.

A test that needs something of the machine says so: `@pytest.mark.needs("pm2")`. Where it is missing the test is
skipped by hand and fails in CI (CI=true), so that nothing is left out there without a word.
"""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import junkdrawer

ROOT = Path(__file__).resolve().parent.parent
LIGHTHOUSE = ROOT / "bench" / "lighthouse" / "node_modules" / ".bin" / "lighthouse"
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def whole_chromium() -> str | None:
    """The system's browser, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def chromium() -> str | None:
    """The system's browser as it is without windows, which takes a third of the processor time; else the whole one.

    It knows no push service and shows no notifications.
    """
    return shutil.which("chromium-headless-shell") or whole_chromium()


def pm2() -> str | None:
    """PM2 of the project, else the global one, or None."""
    local = ROOT / "node_modules" / ".bin" / "pm2"
    return str(local) if local.exists() else shutil.which("pm2")


def postgres_programs() -> Path | None:
    """The folder with initdb and postgres (Debian keeps them off the PATH), or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def sshd() -> str | None:
    """OpenSSH's server, which Debian keeps off a user's PATH, or None."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


_TOOLS: dict[str, Callable[[], str | None]] = {
    "pm2": pm2,
    "chromium": chromium,
    "whole-chromium": whole_chromium,
    "lighthouse": lambda: str(LIGHTHOUSE) if LIGHTHOUSE.exists() else None,
    "node": lambda: shutil.which("node"),
    "jq": lambda: shutil.which("jq"),
    "postgres": lambda: str(postgres_programs() or "") or None,
    "root": lambda: "root" if os.geteuid() == 0 else None,
    "ip": lambda: shutil.which("ip"),
    "prometheus": lambda: shutil.which("prometheus") and shutil.which("promtool"),
    "alertmanager": lambda: shutil.which("prometheus-alertmanager") and shutil.which("amtool"),
    "node-exporter": lambda: shutil.which("prometheus-node-exporter"),
    "litestream": lambda: shutil.which("litestream", path=str(Path(sys.executable).parent)),
    "sshd": sshd,
    "lightgbm": lambda: find_spec("lightgbm") and "lightgbm",
    "jax": lambda: find_spec("jax") and "jax",
    "proc": lambda: "/proc" if Path("/proc/self/environ").exists() else None,
}


# Hypothesis times the garbage collector by a callback. Python 3.11's parser does not survive one in the middle
# of a tree ("AST constructor recursion depth mismatch"); it serves deadlines, and there are none.
vars(junkdrawer)["_gc_initialized"] = True

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("coin", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("coin")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*tools): what of the machine the test needs: " + ", ".join(_TOOLS))


# Whole files with one of these marks run first, so that no core is left alone with a long one at the end.
LONG = ("simulation", "browser", "pm2", "slow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {
        item.path: index
        for index, name in reversed(list(enumerate(LONG)))
        for item in items
        if item.get_closest_marker(name)
    }
    items.sort(key=lambda item: rank.get(item.path, len(LONG)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for tool in mark.args:
            if _TOOLS[tool]() is None:
                pytest.skip(f"{tool} is missing on this machine: ./coin test installs it")


_under_way: set[str] = set()


def pytest_runtest_logstart(nodeid: str) -> None:
    _under_way.add(nodeid)


def pytest_runtest_logfinish(nodeid: str) -> None:
    _under_way.discard(nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """CI says at once what failed: a run that is cut off never comes to its summary."""
    if IN_CI and report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\nfailed: {report.nodeid} ({report.when})", file=sys.stderr, flush=True)


_seconds: dict[str, float] = {}  # by file; where several processes test, only the one that speaks has them all


def pytest_report_teststatus(report: pytest.TestReport) -> None:
    path = report.nodeid.partition("::")[0]
    _seconds[path] = _seconds.get(path, 0.0) + report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI: which files hold the lane's time, as a lane that grows too long is cut there."""
    if not IN_CI:
        return
    slowest = sorted(_seconds.items(), key=lambda one: -one[1])[:40]
    terminalreporter.section(f"slowest files, of {sum(_seconds.values()):.0f} s in all")
    for path, seconds in slowest:
        terminalreporter.write_line(f"{seconds:7.1f} s  {path}")


def pytest_keyboard_interrupt() -> None:
    """A run that is cut off says what it was at."""
    print("\nunder way:", *sorted(_under_way), sep="\n  ", file=sys.stderr, flush=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI doesn't allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield  # a whole file that skips itself, as `importorskip` does
    if IN_CI and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} skipped itself, which CI doesn't allow: {report.longrepr}"
    return report


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives loopback ports that nobody listens on."""
    given: set[int] = set()

    def find() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in given:
                given.add(port)
                return port

    return find
