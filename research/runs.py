"""Every run is kept: what was asked, what data and code it ran on, what came out. DATA_DIR/research/runs/ID/."""

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from research import coverage
from research.backtest import Backtest, BacktestRequest, EngineKind
from research.code_version import code_version
from research.engine import FillTiming, MarketModel, Style
from research.errors import ResearchError
from research.lots_table import rows, write_csv
from research.report import charts
from research.report.html import page
from shared.files import write_whole
from shared.settings import Settings, public_values
from shared.times import iso_seconds


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One kept run."""

    run_id: str
    folder: Path
    about: Mapping[str, Any]


def folder(data_dir: Path) -> Path:
    return data_dir / "research" / "runs"


def trading_settings(settings: Settings) -> dict[str, str]:
    """The settings that can change a result."""
    return {key: value for key, value in public_values(settings).items() if not key.startswith(coverage.ELSEWHERE)}


def request_document(request: BacktestRequest) -> dict[str, Any]:
    """The question as plain values, from which `request_of` asks it again."""
    return {
        "data": list(request.data),
        "overrides": dict(request.overrides),
        "model": dataclasses.asdict(request.model),
        "style": request.style.value,
        "engine": request.engine.value,
        "since_s": request.since_s,
        "until_s": request.until_s,
        "seed": request.seed,
    }


def request_of(raw: Mapping[str, Any]) -> BacktestRequest:
    """The question of a kept run. Raises ResearchError where it is of another version."""
    try:
        model = MarketModel(**{**raw["model"], "fill": FillTiming(raw["model"]["fill"])})
        return BacktestRequest(
            tuple(raw["data"]), dict(raw["overrides"]), model, Style(raw["style"]), EngineKind(raw["engine"]),
            raw["since_s"], raw["until_s"], raw["seed"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ResearchError(f"the run was stored by another version: {error}") from error


def keep(data_dir: Path, run: Backtest) -> StoredRun:
    """Write run.json, trades.csv and report.html. Raises OSError."""
    now = datetime.now(UTC)
    digest = "-".join(sorted(one.digest[:6] for one in run.result.prepared.candles))
    base = f"{now:%Y%m%d-%H%M%S}-{run.settings.strategy}"
    target = folder(data_dir) / base
    number = 1
    while True:
        try:
            target.mkdir(mode=0o700, parents=True)
            break
        except FileExistsError:
            number += 1
            target = folder(data_dir) / f"{base}-{number}"
    settings = trading_settings(run.settings)
    began = time.perf_counter()
    about: dict[str, Any] = {
        "run_id": target.name,
        "at": iso_seconds(now),
        "request": request_document(run.request),
        "settings": settings,
        "data": [
            {"name": name, "product_id": one.product_id, "digest": one.digest, "bars": len(one), "source": one.source}
            for name, one in zip(run.request.data, run.result.prepared.candles, strict=True)
        ],
        "code": code_version(),
        "verdict": run.verdict.document(),
        "figures": {figure.key: figure.value for figure in run.figures},
        "kinds": {figure.key: (figure.title, figure.kind) for figure in run.figures},
        "other_bound": {figure.key: figure.value for figure in run.other_bound},
        "curve": charts.beside_holding(run.result),
        "notes": list(run.notes),
    }
    origin = {"run": target.name, "data": digest, "code": about["code"], "seed": str(run.request.seed)}
    write_csv(target / "trades.csv", rows(run.result))
    (target / "report.html").write_text(page(run, origin, settings), encoding="utf-8")
    about["took_s"] = {**run.took_s, "report": time.perf_counter() - began}
    write_whole(target / "run.json", orjson.dumps(about, option=orjson.OPT_INDENT_2), durable=False)
    return StoredRun(target.name, target, about)


def listed(data_dir: Path) -> list[StoredRun]:
    """Every kept run, oldest first; unreadable ones are left out."""
    out = []
    for path in sorted(folder(data_dir).glob("*/run.json")):
        try:
            out.append(StoredRun(path.parent.name, path.parent, json.loads(path.read_text())))
        except (OSError, ValueError):
            continue
    return out


def find(data_dir: Path, run_id: str) -> StoredRun:
    """One kept run: by its id, the end of it, or "last". Raises ResearchError."""
    found = listed(data_dir)
    if run_id == "last" and found:
        return found[-1]
    match = [kept for kept in found if kept.run_id == run_id] or [
        kept for kept in found if kept.run_id.endswith(run_id)
    ]
    if len(match) != 1:
        raise ResearchError(
            f"no run {run_id}: ./coin runs list" if not match else f"{run_id} matches {len(match)} runs"
        )
    return match[0]
