"""The report of a sweep: heat map, the best point's surroundings, every point, in one file that loads nothing."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import orjson

from research.data.candles import CandleSet
from research.report.html import fill
from research.report.split import Split, split
from research.sweep.run import Swept
from shared.times import from_epoch_ms

_PAGE = Path(__file__).parent / "page"
COLUMNS = (
    "total_return",
    "max_drawdown",
    "sharpe",
    "sortino",
    "calmar",
    "profit_factor",
    "lots",
    "open_lots",
    "fees",
    "exposure",
)


def write_report(swept: Swept, candles: Sequence[CandleSet]) -> Path:
    """Write report.html beside the table."""
    path = swept.folder / "report.html"
    path.write_text(page(swept, split(swept, candles)), encoding="utf-8")
    return path


def page(swept: Swept, halves: Split | None = None) -> str:
    """The whole page. `halves`: training against test, where the data is long enough for both."""
    plan, ranked = swept.plan, swept.ranked()
    metric = plan.metric
    points = [
        {"point": row["point"], "value": row.get("figures", {}).get(metric)} for row in swept.rows if "figures" in row
    ]
    data = {
        "axes": {key: list(values) for key, values in plan.grid.items()},
        "metric": metric,
        "points": points,
        "columns": list(dict.fromkeys((metric, *COLUMNS))),
        "best": ranked[:25],
        "split": {"rows": halves.rows} if halves is not None and halves.rows else None,
    }
    luck = swept.sharpe_by_chance()
    facts = {
        "Points": f"{len(swept.rows):,}",
        f"Best {metric}": f"{ranked[0]['figures'][metric]:,.3f}" if ranked else "—",
        "Sharpe beyond holding by luck alone": "—" if luck is None else f"{luck:,.2f}",
        "Deflated Sharpe of the best": "—" if swept.deflated is None else f"{swept.deflated * 100:,.1f}\u00a0%",
        "Points that can't be run": f"{sum('error' in row for row in swept.rows):,}",
    }
    figures = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    texts = {
        "title": escape(f"Sweep of {', '.join(plan.grid)}"),
        "subtitle": escape(f"{', '.join(plan.request.data)} · maximises {metric}"),
        "figures": figures.replace("-", "\u2212"),
        "css": (_PAGE / "report.css").read_text(),
        "split": escape(_of_split(halves)),
        "js": (_PAGE / "common.js").read_text() + (_PAGE / "sweep.js").read_text(),
        "data": orjson.dumps(data).decode().replace("</", "<\\/"),
    }
    return fill((_PAGE / "sweep.html").read_text(), texts)


def _of_split(halves: Split | None) -> str:
    """What the picture shows, in words."""
    if halves is None:
        return ""
    rho = halves.rank_correlation()
    words = (
        f"{len(halves.rows):,} points on the data before {from_epoch_ms(halves.at_s * 1000):%Y-%m-%d} and from then on"
    )
    if rho is not None:
        words += f"; rank correlation {rho:.2f}: 1 = the ranking persists, 0 = it does not".replace("-", "\u2212")
    return words + "; blue: the best of all"
