"""A Lab folder with a candle set that was made up, and jobs in it."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from research.data import store
from research.data.candles import CandleSet
from shared.documents.lab import LabKind, LabQuestion, LabRequest
from shared.lab_files import LabFolder, new_job_id
from shared.paths import DataPaths

BARS = 4_000
NAME = "SOL-USD_1m"


def candles(bars: int = BARS, product: str = "SOL-USD") -> CandleSet:
    """Minutes of a random walk; the 101st to the 120th bar are missing."""
    steps = np.random.default_rng(7).standard_normal(bars) * 0.002
    close = np.round(150 * np.exp(np.cumsum(steps)), 2)
    opened = np.concatenate([[150.0], close[:-1]])
    high, low = np.maximum(opened, close) + 0.05, np.minimum(opened, close) - 0.05
    start = 1_730_419_200 + 60 * np.arange(bars, dtype=np.int64)
    there = np.ones(bars, dtype=bool)
    there[100:120] = False
    columns = (one[there] for one in (opened, high, low, close, np.full(bars, 1000.0)))
    return CandleSet(product, 60, start[there], *columns, source="made up")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabFolder:
    for key in [key for key in os.environ if key.startswith(("STRATEGY", "KIND", "PROFILE"))]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    paths = DataPaths(tmp_path / "data")
    paths.prepare()
    folder = LabFolder(paths)
    folder.prepare()
    return folder


@pytest.fixture
def lab_with_data(lab: LabFolder) -> LabFolder:
    place = store.folder(lab.root.parent)
    place.mkdir()
    store.save(lab.root.parent, NAME, candles())
    return lab


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def question(**settings: str) -> LabQuestion:
    return LabQuestion(data=[NAME], settings={"STRATEGY": "sma_cross", **settings})


def asked(kind: LabKind = LabKind.RUN, user: str = "ada", **more: object) -> LabRequest:
    return LabRequest(
        id=new_job_id(now_ms()), kind=kind, user=user, by="operator", at_ms=now_ms(), title="a job",
        **{"question": question()} | more,  # type: ignore[arg-type]
    )  # fmt: skip
