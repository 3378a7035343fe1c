"""The report of a walk forward: growth over all tests in a row, training against test, what was chosen when."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from research.report.html import fill
from research.report.words import MINUS, NO_BREAK
from research.walkforward import Walked, WalkForwardPlan
from shared.times import from_epoch_ms

_PAGE = Path(__file__).parent / "page"
SHOWN = ("total_return", "buy_and_hold", "max_drawdown", "sharpe", "profit_factor", "lots", "open_lots", "exposure")


def write_report(data_dir: Path, plan: WalkForwardPlan, walked: Walked) -> Path:
    """Write report.html and windows.json into a folder named by the question; the answer is the report's path."""
    folder = data_dir / "research" / "walks" / plan.name()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "windows.json").write_bytes(orjson.dumps(_rows(walked), option=orjson.OPT_INDENT_2))
    path = folder / "report.html"
    path.write_text(page(plan, walked), encoding="utf-8")
    return path


def _rows(walked: Walked) -> list[dict[str, Any]]:
    return [
        {
            "train": [w.train_from, w.train_to], "test": [w.test_from, w.test_to], "chosen": w.chosen,
            "trained": w.trained, "tested": {key: w.tested.get(key) for key in w.tested},
        }
        for w in walked.windows
    ]  # fmt: skip


def page(plan: WalkForwardPlan, walked: Walked) -> str:
    """The whole page."""
    metric, tested = plan.metric, [w for w in walked.windows if w.chosen is not None]
    keys = list(dict.fromkeys(key for point in plan.points for key in point))
    axes = {key: list(dict.fromkeys(point[key] for point in plan.points if key in point)) for key in keys}
    growth, judged = walked.growth.tolist(), walked.verdict
    data = {
        "metric": metric,
        "axes": axes,
        "columns": [key for key in dict.fromkeys((metric, *SHOWN)) if any(key in w.tested for w in tested)],
        "growth": growth,
        "windows": _rows(walked),
    }
    pairs = [
        (w.trained, w.tested[metric]) for w in tested if w.trained is not None and w.tested.get(metric) is not None
    ]
    won = [w.tested["total_return"] for w in tested if w.tested.get("total_return") is not None]
    facts = {
        "Return, all tests combined": _percent(growth[-1] - 1.0) if len(growth) > 1 else "—",
        "Sharpe, all tests combined": "—" if walked.sharpe is None else f"{walked.sharpe:,.2f}",
        "Buy and hold, the same bars": "—" if judged is None else _percent(judged.buy_and_hold),
        "Worst drawdown": "—" if judged is None else _percent(walked.max_drawdown),
        "Lots closed by rule": "—" if judged is None else f"{judged.closed_lots:,}",
        "Lots sold at the end of a test": "—" if judged is None else f"{judged.open_lots:,}",
        "Tests with a gain": f"{sum(v > 0 for v in won if v is not None)} of {len(won)}" if won else "—",
        f"Median {metric}, training": "—" if not pairs else f"{float(np.median([p[0] for p in pairs])):,.2f}",
        f"Median {metric}, test": "—" if not pairs else f"{float(np.median([p[1] for p in pairs])):,.2f}",
        "Windows": f"{len(walked.windows)}" + ("" if len(tested) == len(walked.windows) else f", {len(tested)} tested"),
        "Points for each": f"{len(plan.points):,}",
    }
    figures = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    texts = {
        "title": escape(f"Walk forward of {', '.join(keys)}"),
        "subtitle": escape(_subtitle(plan, walked)),
        "verdict": escape(judged.sentence if judged is not None else "Nothing was tested") + ".",
        "proof": escape(judged.proof) + "." if judged is not None else "",
        "figures": figures.replace("-", MINUS),
        "css": (_PAGE / "report.css").read_text(),
        "js": (_PAGE / "common.js").read_text() + (_PAGE / "walkforward.js").read_text(),
        "data": orjson.dumps(data).decode().replace("</", "<\\/"),
    }
    return fill((_PAGE / "walkforward.html").read_text(), texts)


def _percent(value: float) -> str:
    return f"{value * 100:+,.2f}{NO_BREAK}%" if round(value * 100, 2) else f"0.00{NO_BREAK}%"


def _days(seconds: int) -> str:
    return f"{seconds / 86_400:g} d"


def _subtitle(plan: WalkForwardPlan, walked: Walked) -> str:
    first, last = walked.windows[0], walked.windows[-1]
    begin, end = (f"{from_epoch_ms(at * 1000):%Y-%m-%d}" for at in (first.train_from, last.test_to))
    kind = "training always from the first bar" if plan.anchored else f"training {_days(plan.train_s)}"
    words = [", ".join(plan.request.data), f"{begin} to {end}", kind, f"test {_days(plan.test_s)}"]
    words += [f"purged {_days(plan.purge_s)}"] if plan.purge_s else []
    words += [f"embargo {_days(plan.embargo_s)}"] if plan.embargo_s else []
    return " · ".join([*words, f"chosen by {plan.metric}"])
