"""The registry of trials: every fit, and every point of a sweep or a walk forward, with what came out of it.

`DATA_DIR/research/trials.jsonl`, append-only: a line is a trial, a lock of a holdout, or a look at one. A verdict
that did not know how much was tried would call the luckiest of a thousand points skill.
"""

import base64
import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from research.backtest import Backtest, BacktestRequest, settings_for
from research.code_version import source_hash
from research.data.candles import CandleSet
from research.errors import ResearchError
from research.metrics.moments import ReturnMoments, moments
from research.metrics.returns import Floats
from research.metrics.summary import measured
from research.runs import folder, request_document, trading_settings
from shared import flocks
from shared.times import from_epoch_ms, iso_seconds

NAME = "trials.jsonl"
_WAIT_S = 20.0


class TrialKind(StrEnum):
    """What made the trial. LAB: the neighbours of a run that the lab itself
    tries. LEARNING: the fits of a model."""

    BACKTEST = "backtest"
    SWEEP = "sweep"
    WALK_FORWARD = "walkforward"
    LAB = "lab"
    LEARNING = "learning"


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of settings on one stretch of bars.

    `key`: of the whole question; `group`: the sweep, walk or run that it belongs to; `bars`: of data and stretch, so
    that trials of one value have the same days. `edge`: daily returns beyond holding, the first of UTC day
    `first_day`. Times in seconds; `until_s`: the end of the last bar. `code`: hash of the sources.
    """

    key: str
    group: str
    kind: TrialKind
    bars: str
    strategy: str
    settings: Mapping[str, str]
    products: tuple[str, ...]
    digests: tuple[str, ...]
    code: str
    first_s: int
    until_s: int
    first_day: int
    edge: Floats
    at: str

    @property
    def days(self) -> tuple[int, int]:
        """(first UTC day, the day after the last one)."""
        return self.first_day, self.first_day + len(self.edge)


@dataclass(frozen=True, slots=True)
class TrialSource:
    """What all trials of one sweep, walk or run share; `of` makes it, `trial` makes one of them."""

    kind: TrialKind
    group: str
    bars: str
    strategy: str
    overrides: Mapping[str, str]
    products: tuple[str, ...]
    digests: tuple[str, ...]
    code: str
    first_s: int
    until_s: int
    base: str
    at: str

    @staticmethod
    def of(kind: TrialKind, group: str, request: BacktestRequest, candles: Sequence[CandleSet]) -> "TrialSource":
        """For trials of `request` on these bars, which are cut already. Raises ResearchError for settings."""
        digests = tuple(one.digest for one in candles)
        first = min(int(one.start_s[0]) for one in candles)
        until = max(int(one.start_s[-1]) + one.granularity_s for one in candles)
        settings = settings_for(request.overrides, candles)
        asked = request_document(request) | {"data": digests, "engine": "", "since_s": first, "until_s": until}
        asked["settings"] = sorted(trading_settings(settings).items())
        code = source_hash()
        return TrialSource(
            kind, group, _hash([digests, first, until]), settings.strategy, dict(request.overrides),
            tuple(one.product_id for one in candles), digests, code, first, until, _hash([asked, code]),
            iso_seconds(from_epoch_ms(round(time.time() * 1000))),
        )  # fmt: skip

    def trial(self, point: Mapping[str, str], first_day: int, edge: Floats) -> Trial:
        """The trial of these settings above the shared ones."""
        settings = {**self.overrides, **point}
        strategy = settings.get("STRATEGY", self.strategy)
        return Trial(
            _hash([self.base, sorted(point.items())]), self.group, self.kind, self.bars, strategy, settings,
            self.products, self.digests, self.code, self.first_s, self.until_s, first_day, edge, self.at,
        )  # fmt: skip


def _hash(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RegistryContents:
    """Everything that the file holds, oldest first; `damaged`: lines that can't be read, which count as trials."""

    trials: tuple[Trial, ...] = ()
    records: tuple[Mapping[str, Any], ...] = ()
    damaged: int = 0

    def of(self, record: str) -> list[Mapping[str, Any]]:
        """The lines of one kind that are no trials: "lock" or "look"."""
        return [one for one in self.records if one["record"] == record]


class TrialRegistry:
    """The file of one data folder. Lines are only ever added, whole, one writer after the other."""

    def __init__(self, data_dir: Path) -> None:
        self.path = folder(data_dir).parent / NAME

    def add(self, trials: Iterable[Trial]) -> None:
        """Keep these trials. Raises ResearchError."""
        self._append(_document(trial) for trial in trials)

    def note(self, record: str, **values: Any) -> None:
        """Keep a line that is no trial. Raises ResearchError."""
        at = iso_seconds(from_epoch_ms(round(time.time() * 1000)))
        self._append([{"record": record, "at": at, **values}])

    def _append(self, documents: Iterable[Mapping[str, Any]]) -> None:
        data = b"".join(orjson.dumps(one, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n" for one in documents)
        if not data:
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = flocks.take(self.path, _WAIT_S)
            if handle is None:
                raise ResearchError(f"{self.path} is held by another process")
            with os.fdopen(handle, "r+b") as file:
                end = file.seek(0, os.SEEK_END)
                if end:  # a line that a kill cut short stays alone
                    file.seek(end - 1)
                    data = data if file.read(1) == b"\n" else b"\n" + data
                file.write(data)
        except OSError as error:
            raise ResearchError(f"{self.path} can't be written: {error.strerror or error}") from error

    def read(self) -> RegistryContents:
        """What is there, each question once: where it was asked again, the newest answer. Raises ResearchError."""
        try:
            lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
        except OSError as error:
            raise ResearchError(f"{self.path} can't be read: {error.strerror or error}") from error
        trials: dict[str, Trial] = {}
        records, damaged = [], 0
        for line in filter(None, lines):
            try:
                raw = orjson.loads(line)
                if raw["record"] == "trial":
                    trial = _trial(raw)
                    trials[f"{trial.group} {trial.key}"] = trial
                else:
                    records.append(raw)
            except (ValueError, KeyError, TypeError):
                damaged += 1
        return RegistryContents(tuple(trials.values()), tuple(records), damaged)


_TEXTS = ("key", "group", "bars", "strategy", "settings", "code", "first_s", "until_s", "first_day", "at")


def _document(trial: Trial) -> dict[str, Any]:
    found = moments(trial.edge)
    return {
        "record": "trial", "kind": trial.kind.value, **{name: getattr(trial, name) for name in _TEXTS},
        "products": list(trial.products), "digests": list(trial.digests),
        "moments": {name: getattr(found, name) for name in ReturnMoments.__slots__},
        "edge": base64.b64encode(trial.edge.astype("<f4").tobytes()).decode(),
    }  # fmt: skip


def _trial(raw: Mapping[str, Any]) -> Trial:
    edge = np.frombuffer(base64.b64decode(raw["edge"]), dtype="<f4").astype(np.float64)
    known = {name: raw[name] for name in _TEXTS}
    return Trial(
        kind=TrialKind(raw["kind"]), products=tuple(raw["products"]), digests=tuple(raw["digests"]), edge=edge, **known
    )


def tried(row: dict[str, Any], source: TrialSource) -> list[Trial]:
    """A row of a sweep as a trial, which takes its days out of it; none of a point that could not run."""
    first_day, edge = row.pop("first_day", None), row.pop("edge", None)
    return [] if edge is None or first_day is None else [source.trial(row["point"], first_day, edge)]


def add_run(data_dir: Path, run: Backtest, run_id: str) -> None:
    """Keep a backtest as a trial. Raises ResearchError."""
    found = measured(run.result, chances=False)
    source = TrialSource.of(TrialKind.BACKTEST, run_id, run.request, run.result.prepared.candles)
    TrialRegistry(data_dir).add([source.trial({}, found.first_day, found.edge)])


def matrix(trials: Sequence[Trial]) -> Floats:
    """A column for each trial, a row for each day; all on the same bars."""
    return np.column_stack([trial.edge for trial in trials]) if trials else np.zeros((0, 0))


def related(contents: RegistryContents, products: Iterable[str], first_day: int, end_day: int) -> list[Trial]:
    """Trials that traded one of these products on one of these days, whatever the strategy: the same history."""
    wanted = set(products)
    return [
        trial for trial in contents.trials
        if wanted & set(trial.products) and trial.days[0] < end_day and first_day < trial.days[1]
    ]  # fmt: skip
