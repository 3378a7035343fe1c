"""A pytest plugin for the tests of mutants, loaded by `-p simtest.mutation.pytest_plugin`.

MUTATION_TESTS names a JSON file. {"record": DATABASE, "out": FILE} records which test runs which line; {"only": [test,
…], "out": FILE} runs those tests alone. Both write test → [outcome, seconds] to `out`. Random cases are drawn alike in
every run, and a failing one is not made smaller.
"""

import json
import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from simtest.mutation.coverage_map import measured

ROOT = Path(__file__).resolve().parent.parent.parent
GIVEN = "MUTATION_TESTS"
# Only the plugins that these tests need are loaded: those of other rooms take longer to start than most tests take.
COMMAND = (
    "-m", "pytest", "-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider",
    "-p", "simtest.mutation.pytest_plugin",
)  # fmt: skip
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
DRAWN_ALIKE = "drawn alike"


class Selection:
    """Runs the tests that the file names and keeps what became of each."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._out = Path(given["out"])
        self._only = {name: at for at, name in enumerate(given.get("only", ()))}
        self._coverage = measured(given["record"], ROOT) if "record" in given else None
        self._outcomes: dict[str, str] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        alike = settings(
            settings.default, derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
        )  # fmt: skip
        settings.register_profile(DRAWN_ALIKE, alike)
        settings.load_profile(DRAWN_ALIKE)
        if self._coverage is not None:
            self._coverage.start()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._only:
            items[:] = [item for item in items if item.nodeid in self._only]
            files = {item.nodeid.partition("::")[0]: self._only[item.nodeid] for item in reversed(items)}
            items.sort(key=lambda item: files[item.nodeid.partition("::")[0]])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool | None, bool | None]:
        if self._coverage is not None:
            self._coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration
        worse = report.outcome != "passed" or report.nodeid not in self._outcomes
        if worse and self._outcomes.get(report.nodeid) != "failed":
            self._outcomes[report.nodeid] = report.outcome
        if report.failed:
            self._write()

    def pytest_sessionfinish(self) -> None:
        if self._coverage is not None:
            self._coverage.stop()
            self._coverage.save()
        self._write()

    def _write(self) -> None:
        found = {name: [outcome, round(self._seconds[name], 4)] for name, outcome in self._outcomes.items()}
        self._out.write_text(json.dumps(found))


def pytest_configure(config: pytest.Config) -> None:
    if GIVEN in os.environ:
        config.pluginmanager.register(Selection(json.loads(Path(os.environ[GIVEN]).read_text())), "mutation")
