"""What stands in the Lab's form: the settings of the run or job that it begins with, else those in force."""

import os
from collections.abc import Mapping
from typing import Any

import orjson

from dashboard import lab_form
from dashboard.hub import Hub
from dashboard.lab_reader import LabLook
from dashboard.page import Params
from dashboard.views import format as f
from shared.documents.kept_run import KeptRunDoc
from shared.documents.lab import LabPoint, LabQuestion, LabSwept, decode_result
from shared.files import Unreadable, read_bytes
from shared.lab_files import LabJob
from shared.lab_settings import GROUPS, SLIDERS
from shared.setting_table import RULES, Mode

AXES = ("TAKE_PROFIT_PCT", "TRAIL_DISTANCE_PCT")
SPECS = ("1.5:5.0:0.5", "0.2:1.0:0.2")
_FIGURES = (
    ("total_return", "Return"), ("buy_and_hold", "Holding"), ("final_equity", "Final equity"),
    ("realised", "Realised"), ("open_result", "Open"), ("max_drawdown", "Deepest"), ("lots", "Lots"),
)  # fmt: skip


def form_data(hub: Hub, data: Mapping[str, Any], params: Params, may: bool) -> dict[str, Any]:
    """The template's context beside the parts. Blocks."""
    settings, look = hub.loaded.settings, data["look"]
    job: LabJob | None = data["job"]
    run: KeptRunDoc | None = data["run"]
    question, of = _question(look, job, run, params, settings.strategy)
    given = question.settings
    axes = [(key, lab_form.field_of(key, settings, {}).label.partition(",")[0]) for key in (*SLIDERS, *_numeric())]
    return {
        "may": may, "of": of, "q": question, "names": _names(look),
        "q_data": question.data[0] if question.data else "", "strategies": _with(lab_form.strategies(), given),
        "strategy": given.get("STRATEGY", settings.strategy), "kinds": lab_form.KINDS, "kind": given.get("KIND", ""),
        "fills": lab_form.FILLS, "metrics": lab_form.METRICS, "axes": axes, "axis": AXES, "specs": SPECS,
        "maker": f"{question.maker_pct:g}", "taker": f"{question.taker_pct:g}", "spread": f"{question.spread_bps:g}",
        "cash": f"{question.cash:.10g}", "sliders": lab_form.sliders(settings, given),
        "groups": lab_form.groups(settings, given), "run_id": run.run_id if run is not None else "",
        "trials": look.sets.trials if look.sets is not None else None, "sim": settings.coin_mode is not Mode.LIVE,
        "figures": figures(run), "curve": curve(run), "memory": f"{f.count(settings.lab_memory_mb)} MB",
        "cores": max(1, (os.cpu_count() or 1) - 1), "all_cores": os.cpu_count() or 1,
    }  # fmt: skip


def _numeric() -> list[str]:
    return [key for keys in GROUPS.values() for key in keys if RULES[key].low is not None and not RULES[key].choices]


def _with(names: list[str], given: Mapping[str, str]) -> list[str]:
    """A strategy that a kept run names stays in the list, also where its file is gone."""
    own = given.get("STRATEGY", "")
    return names if not own or own in names else [*names, own]


def _names(look: LabLook) -> list[str]:
    listed = [one.name for one in look.sets.sets] if look.sets is not None else []
    return [*listed, *look.unread]


def _question(
    look: LabLook, job: LabJob | None, run: KeptRunDoc | None, params: Params, strategy: str
) -> tuple[LabQuestion, str]:
    """What the form begins with, and what that is, in words."""
    if job is not None and job.request.question is not None:
        question = job.request.question
        point = _point(job, params.get("point", ""))
        if point is None:
            return question, "as it was asked for"
        axes, values = point
        moved = dict(zip(axes, values.values, strict=True))
        at = ", ".join(lab_form.said(k, v) for k, v in moved.items())
        changed = {name: getattr(question, name) for name in LabQuestion.__dataclass_fields__}
        return LabQuestion(**changed | {"settings": {**question.settings, **moved}}), f"at the point {at}"
    if run is not None:
        return lab_form.of_kept(run), "as in the run above"
    names = _names(look)
    return LabQuestion(data=names[:1], settings={"STRATEGY": strategy}), "what differs from the settings in force"


def _point(job: LabJob, text: str) -> tuple[list[str], LabPoint] | None:
    """The axes and the point of that number of a sweep; None = none was asked for, or there is no such."""
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        return None
    try:
        swept = decode_result(read_bytes(job.folder / "result.json"), LabSwept)
    except (OSError, Unreadable):
        return None
    return (swept.axes, swept.points[int(text)]) if int(text) < len(swept.points) else None


def figures(run: KeptRunDoc | None) -> list[tuple[str, str, str, str]]:
    """(key, title, text, tone) of what stands above the curve; a figure that is not known is a dash."""
    found = run.figures if run is not None else {}
    out = []
    for key, title in _FIGURES:
        value = found.get(key)
        tone = f.tone(value) if key in ("total_return", "buy_and_hold", "realised", "open_result") else ""
        if value is None:
            text = f.DASH
        elif key in ("total_return", "buy_and_hold", "max_drawdown"):
            text = f.signed_pct(value * 100)
        elif key == "lots":
            text = f"{f.count(int(value))} closed, {f.count(int(found.get('open_lots') or 0))} open"
        else:
            text = f.money(value) if key == "final_equity" else f.signed(value)
        out.append((key, title, text, tone))
    return out


def curve(run: KeptRunDoc | None) -> str:
    """The kept curve for the page's script; "" = there is none."""
    if run is None or run.curve is None:
        return ""
    kept = run.curve
    return orjson.dumps({"t": kept.times_s, "equity": kept.equity, "holding": kept.holding, "cash": kept.cash}).decode()
