"""The report of one backtest as a single HTML file that loads nothing."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import orjson

from research.backtest import Backtest
from research.data.candles import granularity_text
from research.engine import Style
from research.metrics.summary import Metric
from research.report import charts, pack
from research.report.words import figure_text
from shared.times import from_epoch_ms

_PAGE = Path(__file__).parent / "page"
_COLOURED = {"total_return", "cagr", "expectancy", "realised", "open_result"}


def page(run: Backtest, origin: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """The whole page. `origin`: run, data and code, `settings`: those that were in force; both shown as they are."""
    result = run.result
    prepared = result.prepared
    packed = pack.products(prepared)
    data: dict[str, Any] = {
        "products": packed,
        "curve": charts.curve(result),
        "lots": charts.lots(result),
        "months": charts.months(result),
        "granularity_s": prepared.granularity_s,
        "weights": result.style is Style.EXPOSURE,
        "currency": prepared.candles[0].product_id.partition("-")[2],
    }
    names = ", ".join(one.product_id for one in prepared.candles)
    begin, end = (from_epoch_ms(s * 1000) for s in (int(prepared.start_s.min()), int(prepared.times[-1])))
    other = {figure.key: figure for figure in run.other_bound}
    bars = granularity_text(prepared.granularity_s * max(p["bars"] for p in packed))
    notes = list(run.notes)
    if data["lots"]["left_out"]:
        notes.append(f"The page holds the newest {charts.LOTS:,} lots; all are in trades.csv")
    parts = {
        "title": f"{names}: {run.settings.strategy}",
        "subtitle": f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC · bars of "
        f"{granularity_text(prepared.granularity_s)} · {result.style.value} · engine {run.request.engine.value}",
        "verdict": run.verdict.sentence,
        "proof": run.verdict.proof,
        "figures": "".join(_figure(figure, other.get(figure.key), data["currency"]) for figure in run.figures),
        "bars": f"bars of {bars}",
        "notes": "".join(f"<li>{escape(note)}</li>" for note in notes),
        "settings": "".join(_pair(key, value) for key, value in {**origin, **settings}.items()),
    }
    texts = {key: value if key in ("figures", "notes", "settings") else escape(value) for key, value in parts.items()}
    texts["css"] = (_PAGE / "report.css").read_text()
    texts["js"] = (_PAGE / "report.js").read_text()
    # Nothing inside a script element may look like its end.
    texts["data"] = orjson.dumps(data).decode().replace("</", "<\\/")
    return fill((_PAGE / "report.html").read_text(), texts)


def fill(template: str, texts: Mapping[str, str]) -> str:
    """Put each text once in its place, in one pass: a text that holds braces is not looked into."""
    pieces = template.split("{{")
    out = [pieces[0]]
    for piece in pieces[1:]:
        key, _, rest = piece.partition("}}")
        out += [texts[key], rest]
    return "".join(out)


def _figure(figure: Metric, other: Metric | None, currency: str) -> str:
    value = figure_text(figure, currency)
    colour = ""
    if figure.key in _COLOURED and figure.value:
        colour = ' class="up"' if figure.value > 0 else ' class="down"'
    beside = ""
    if other is not None and other.value is not None and figure_text(other, currency) != value:
        beside = f"<small>other bound {escape(figure_text(other, currency))}</small>"
    return f"<div><dt>{escape(figure.title)}</dt><dd{colour}>{escape(value)}{beside}</dd></div>"


def _pair(key: str, value: Any) -> str:
    return f"<div><span>{escape(key)}</span><span>{escape(str(value))}</span></div>"
