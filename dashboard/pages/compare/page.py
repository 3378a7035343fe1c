"""Two kept runs over each other: both curves, their difference, the figures and the settings that are not the same."""

import asyncio
from bisect import bisect_right
from dataclasses import dataclass

from fastapi import HTTPException

from dashboard import lab_form, lab_reader
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views import format as f
from dashboard.views.plot import CurvePlot, PlotCurve, plot
from dashboard.views.snapshot import Snapshot
from shared.documents.kept_run import KeptRunDoc
from shared.documents.lab import LabCurve

_ROWS = (
    ("total_return", "Return", "points"), ("max_drawdown", "Deepest fall", "points"), ("sharpe", "Sharpe", "ratio"),
    ("realised", "Closed lots", "money"), ("open_result", "Open lots, if sold now", "money"), ("fees", "Fees", "money"),
    ("lots", "Lots closed", "count"), ("open_lots", "Lots open", "count"),
    ("time_in_market", "Time in market", "points"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    title: str
    first: str
    second: str
    difference: str
    tone: str


async def load(hub: Hub, _s: Snapshot, params: Params) -> Data:
    """Raises HTTPException where one of the two is not there."""
    found = [await asyncio.to_thread(lab_reader.kept_run, hub.paths, params.get(key, "")) for key in ("a", "b")]
    if found[0] is None or found[1] is None:
        raise HTTPException(404, "Tick exactly two runs on the Lab page.")
    return {"a": found[0], "b": found[1]}


def _shown(_s: Snapshot, data: Data, _role: str) -> Context:
    a: KeptRunDoc = data["a"]
    b: KeptRunDoc = data["b"]
    same = [(one.name, one.digest) for one in a.data] == [(one.name, one.digest) for one in b.data]
    drawn, below = None, None
    if a.curve is not None and b.curve is not None and len(a.curve.times_s) > 1 and len(b.curve.times_s) > 1:
        curves = [
            PlotCurve("ln", a.curve.times_s, a.curve.equity),
            PlotCurve("ln2 d1", b.curve.times_s, b.curve.equity),
        ]
        drawn = plot(curves, "Equity of both runs", a.curve.cash if a.curve.cash == b.curve.cash else None)
        below = difference(a.curve, b.curve) if same else None
    keys = sorted({*a.settings, *b.settings})
    differ = [
        (key, a.settings.get(key), b.settings.get(key)) for key in keys if a.settings.get(key) != b.settings.get(key)
    ]
    return {
        "a": a, "b": b, "plot": drawn, "below": below, "rows": [_row(a, b, *one) for one in _ROWS], "settings": differ,
        "of": len(keys), "sentence": sentence(a, b, same), "names": [_name(run) for run in (a, b)], "same": same,
        "code": a.code == b.code, "holding": (a.verdict.buy_and_hold, b.verdict.buy_and_hold),
    }  # fmt: skip


def _name(run: KeptRunDoc) -> str:
    return f"{run.settings.get('STRATEGY', '?')}, {lab_form.differs(lab_form.of_kept(run), 2)}"


def sentence(a: KeptRunDoc, b: KeptRunDoc, same: bool) -> str:
    """The first against the second. Runs on other data are no comparison, and that is said first."""
    if not same:
        return "They ran on different data: their figures are not comparable."
    points = (a.verdict.total_return - b.verdict.total_return) * 100
    if abs(points) < 0.005:
        return "Both end at the same return."
    deeper = ((a.figures.get("max_drawdown") or 0.0) - (b.figures.get("max_drawdown") or 0.0)) * 100
    words = f"The first ends {f.number(abs(points))} points {'higher' if points > 0 else 'lower'}"
    if abs(deeper) >= 0.05:
        words += f" and falls {f.number(abs(deeper), 1)} points {'less deep' if deeper > 0 else 'deeper'}"
    return f"{words}; {'each' if a.verdict.luck == b.verdict.luck else 'the first'} is {_luck(a)}."


def _luck(run: KeptRunDoc) -> str:
    return {"unknown": "on too few days to test luck"}.get(run.verdict.luck, run.verdict.luck)


def difference(a: LabCurve, b: LabCurve) -> CurvePlot | None:
    """The first less the second, at the moments of the first that both have; None = they share no time."""
    times, values = [], []
    for t, equity in zip(a.times_s, a.equity, strict=True):
        at = bisect_right(b.times_s, t) - 1
        if at >= 0 and t <= b.times_s[-1]:
            times.append(t)
            values.append(equity - b.equity[at])
    return plot([PlotCurve("lnp", times, values)], "The first less the second", 0.0) if len(times) > 1 else None


def _row(a: KeptRunDoc, b: KeptRunDoc, key: str, title: str, kind: str) -> ComparedFigure:
    one, two = a.figures.get(key), b.figures.get(key)
    if one is None or two is None:
        return ComparedFigure(title, _text(one, kind), _text(two, kind), f.DASH, "")
    apart = one - two
    shown = f.signed(apart * 100) + f"{f.NBSP}pts" if kind == "points" else f.signed(apart, 0 if kind == "count" else 2)
    return ComparedFigure(title, _text(one, kind), _text(two, kind), shown, f.tone(apart) if kind in ("points", "money")
                          and key not in ("fees", "time_in_market") else "")  # fmt: skip


def _text(value: float | None, kind: str) -> str:
    if value is None:
        return f.DASH
    if kind == "points":
        return f.signed_pct(value * 100)
    return f.count(round(value)) if kind == "count" else f.number(value)


PAGE = Page(
    key="compare",
    own_icon="lab",
    own_path="/lab/compare",
    parts=(PagePart("cmp-all", "compare.html", _shown),),
    load=load,
    params=("a", "b"),
    listed=False,
    own_route=True,
)
