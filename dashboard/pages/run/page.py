"""A kept run of the Lab: its verdict, figures, curve beside buy and hold, lots and settings."""

import asyncio
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import HTTPException

from dashboard import lab_reader
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.lab import view
from dashboard.pages.lab.form_data import figures
from dashboard.render import Context
from dashboard.views import format as f
from dashboard.views.plot import PlotCurve, plot
from dashboard.views.snapshot import Snapshot
from shared.documents.kept_run import KeptRunDoc

SHOWN_LOTS = 40
_COLUMNS = ("product_id", "kind", "opened", "closed", "base_size", "entry_price", "exit_price", "exit_reason")


@dataclass(frozen=True, slots=True)
class KeptLot:
    """A line of trades.csv. `closed` empty: still open, and `result` is what a sale at the last close leaves."""

    product_id: str
    kind: str
    opened: str
    closed: str
    base_size: str
    entry_price: str
    exit_price: str
    exit_reason: str
    result: float | None


async def load(hub: Hub, _s: Snapshot, params: Params) -> Data:
    """Raises HTTPException where there is no such run."""
    run_id = params.get("id", "")
    run = await asyncio.to_thread(lab_reader.kept_run, hub.paths, run_id)
    if run is None:
        raise HTTPException(404, "There is no such run, or it was kept by another version.")
    folder = lab_reader.runs_folder(hub.paths) / run_id
    lots, total = await hub.cache.get(("run", run_id), 60.0, lambda: read_lots(folder / "trades.csv"))
    return {"run": run, "lots": lots, "total": total, "report": (folder / "report.html").exists()}


def read_lots(path: Path) -> tuple[list[KeptLot], int]:
    """The newest lots, open ones first (the file has them last), and how many there are. No file, no lots."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            kept = [_lot(row) for row in csv.DictReader(file)]
    except (OSError, ValueError):
        return [], 0
    return kept[::-1][:SHOWN_LOTS], len(kept)


def _lot(row: Mapping[str, str]) -> KeptLot:
    result = row.get("marked_pnl") or row.get("pnl")
    product, kind, opened, closed, size, paid, got, why = (row.get(name) or "" for name in _COLUMNS)
    return KeptLot(product, kind, opened, closed, size, paid, got, why, float(result) if result else None)


def _shown(_s: Snapshot, data: Data, _role: str) -> Context:
    run: KeptRunDoc = data["run"]
    drawn = None
    if run.curve is not None and len(run.curve.times_s) > 1:
        c = run.curve
        curves = [PlotCurve("ln", c.times_s, c.equity), PlotCurve("ln2", c.times_s, c.holding)]
        drawn = plot(curves, f"Equity and buy and hold: {run.verdict.sentence}", c.cash)
    return {
        "run": run,
        "tag": view.tag_of(run),
        "figures": figures(run),
        "plot": drawn,
        "currency": run.data[0].product_id.partition("-")[2],
        "all": [(title, _written(run.figures.get(key), kind)) for key, (title, kind) in run.kinds.items()],
        "changed": {key: value for key, value in run.request.overrides.items() if key != "STRATEGY"},
        "at": f.of_text(run.at),
        "lots": data["lots"],
        "total": data["total"],
        "report": data["report"],
        "product": ", ".join(f"{one.product_id} ({one.name}, {f.plural(one.bars, 'bar')})" for one in run.data),
    }


def _written(value: float | None, kind: str) -> str:
    if value is None:
        return f.DASH
    match kind:
        case "percent":
            return f.signed_pct(value * 100)
        case "count":
            return f.count(round(value))
        case "span":
            return f.span(value)
        case _:
            return f.number(value)


PAGE = Page(
    key="run",
    own_icon="lab",
    own_path="/lab/run",
    parts=(PagePart("run-all", "run.html", _shown),),
    load=load,
    params=("id",),
    listed=False,
)
