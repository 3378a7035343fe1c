"""`python -m lab_worker.warm DATA_DIR MEMORY_MB PIPE`: answers settings while a hand still moves them.

It keeps candles, prepared arrays and signals of the last questions, so that a slider costs the loop alone. Of each page
the newest question is answered; nothing is kept, and no trial is counted. Bars of a holdout are never looked at.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

from bot.strategies.base import StrategyError
from lab_worker import answers, limits
from lab_worker.sets import SetList
from research.backtest import BacktestRequest, load_data, settings_for
from research.data import store
from research.errors import ResearchError
from research.lab.holdout import spare
from research.sweep.evaluate import SweepContext, result_of
from shared.documents.lab import LabTried, LabTry
from shared.lab_files import LabFolder, is_hex_id
from shared.paths import DataPaths
from shared.settings import SettingsError

EAGER_S = 0.003  # between two looks while somebody moves something
EAGER_FOR_S = 8.0
LAZY_S = 0.04
SETS_EVERY_S = 2.0
CONTEXTS = 3


class WarmEngine:
    """Answers tries. `data_dir`: where candle sets and trials are."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._contexts: dict[object, tuple[SweepContext, str]] = {}

    def answer(self, asked: LabTry) -> LabTried:
        """Never raises for what a person can mend."""
        began = time.perf_counter()
        try:
            request = answers.request_of(asked.question)
            context, note = self._context(request)
            result = result_of(context, request.overrides)
            strategy = settings_for(request.overrides, context.prepared.candles).strategy
            found = answers.outcome(result, strategy, note)
        except (ResearchError, SettingsError, StrategyError) as error:
            return LabTried(page=asked.page, seq=asked.seq, error=str(error))
        took = (time.perf_counter() - began) * 1000
        return LabTried(page=asked.page, seq=asked.seq, took_ms=took, outcome=found)

    def _context(self, request: BacktestRequest) -> tuple[SweepContext, str]:
        """Prepared data of the question, and what was left out of it. Raises ResearchError."""
        files = [store.find(self._data_dir, name) for name in request.data]
        trials = self._data_dir / "research" / "trials.jsonl"
        stamps = tuple((path.stat().st_mtime_ns if path.exists() else 0) for path in (*files, trials))
        key = (request.data, request.since_s, request.until_s, request.model, stamps)
        if key not in self._contexts:
            spared = spare(self._data_dir, request, with_holdout=False)
            candles = load_data(self._data_dir, request.data, request.since_s, spared.request.until_s)
            bare = BacktestRequest(request.data, {}, request.model, since_s=request.since_s,
                                   until_s=spared.request.until_s)  # fmt: skip
            while len(self._contexts) >= CONTEXTS:
                del self._contexts[next(iter(self._contexts))]
            self._contexts[key] = SweepContext.of(candles, bare), spared.note
        return self._contexts[key]


class WarmLoop:
    """Looks for tries, answers them, and lists the candle sets when their folder changed."""

    def __init__(self, folder: LabFolder) -> None:
        self.folder = folder
        self._engine = WarmEngine(folder.root.parent)
        self._answered: dict[str, tuple[int, int]] = {}
        self._asked_at = time.monotonic()
        self._tries_key = 0
        self._sets_key: object = None
        self._sets_at = -SETS_EVERY_S

    def step(self) -> float:
        """One round; how long to wait before the next."""
        now = time.monotonic()
        key = self.folder.tries.stat().st_mtime_ns
        if key != self._tries_key:
            self._tries_key = key
            for path in sorted(self.folder.tries.glob("*.json")):
                self._look(path)
        if now - self._sets_at > SETS_EVERY_S:
            self._sets_at = now
            self._list_sets()
        return EAGER_S if now - self._asked_at < EAGER_FOR_S else LAZY_S

    def _look(self, path: Path) -> None:
        page = path.stem
        asked = self.folder.asked(page) if is_hex_id(page) else None
        if asked is None or self._answered.get(page) == (asked.seq, asked.at_ms):
            return
        self._answered[page] = (asked.seq, asked.at_ms)
        self._asked_at = time.monotonic()
        self.folder.answer(self._engine.answer(asked))

    def _list_sets(self) -> None:
        data_dir = self.folder.root.parent
        places = (store.folder(data_dir), data_dir / "research" / "trials.jsonl")
        key = tuple(place.stat().st_mtime_ns if place.exists() else 0 for place in places)
        if key != self._sets_key or self.folder.known_sets() is None:
            SetList(self.folder).write()
            self._sets_key = key


def main(data_dir: str, memory_mb: str, _pipe: str) -> int:
    limits.apply(int(memory_mb), limits.NICE_WARM, cpu_s=None)
    os.environ["DATA_DIR"] = data_dir
    folder = LabFolder(DataPaths(Path(data_dir)))
    folder.prepare()
    loop = WarmLoop(folder)
    while True:
        wait_s = LAZY_S
        with contextlib.suppress(FileNotFoundError):  # somebody empties the folder
            wait_s = loop.step()
        time.sleep(wait_s)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
