"""The lab's report: the verdict with its reasons first, then what it rests on, in one file that loads nothing."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from research.lab.cross_validation import CrossValidation
from research.lab.examination import Examination
from research.lab.experiment import LabStress
from research.lab.judgement import LabAnswer
from research.metrics.returns import DAY_S, DAYS_PER_YEAR, Floats
from research.report.html import fill
from research.report.words import MINUS, NO_BREAK
from shared.times import from_epoch_ms

_PAGE = Path(__file__).parent / "page"
SHOWN_LOGITS = 4_000
WEEK = 7


def write_report(done: Examination) -> Path:
    """Write lab.html into the subject's folder; the answer is its path."""
    path = done.subject.folder / "lab.html"
    path.write_text(page(done), encoding="utf-8")
    return path


def page(done: Examination) -> str:
    """The whole page."""
    judged, found = done.judged, done.evidence
    luck = found.deflation.by_chance * DAYS_PER_YEAR**0.5
    logits = np.zeros(0) if found.overfitting is None else found.overfitting.logits
    data = {
        "equity": _equity(done),
        "strip": _strip(done),
        "ratios": np.round(done.ratios, 4).tolist(),
        "ratio": found.ratio,
        "luck": luck,
        "logits": np.round(logits[:: max(1, len(logits) // SHOWN_LOGITS)], 3).tolist(),
    }
    go = judged.answer is LabAnswer.GO
    told = [gate for gate in judged.gates if go or not gate.passed]
    texts = {
        "title": escape(f"Lab: {done.subject.title}"),
        "subtitle": escape(_subtitle(done)),
        "answer": judged.answer.value,
        "tone": "up" if go else "down",
        "reasons": _items(f"{gate.title}: {gate.reason}" for gate in told)
        + _items(f"Doubt: {one}" for one in done.doubts),
        "gates": "".join(
            f"<tr><td>{escape(gate.title)}</td>{_cell(gate.said, 'up' if gate.passed else 'down')}{_cell(gate.limit)}"
            f"{_cell(gate.reason)}</tr>"
            for gate in judged.gates
        ),
        "strip": "each bar: a week of the holdout, beyond holding" if done.outcome else escape(judged.gates[-1].reason),
        "trials": escape(
            f"{len(done.own):,} that this was chosen from; {done.related:,} on the same history, worth "
            f"{found.trials:,.1f} independent ones"
        ),
        "overfitting": "not known" if found.overfitting is None else escape(
            f"{found.overfitting.probability * 100:,.1f}{NO_BREAK}% of {len(logits):,} splits are below the middle"
        ),
        "stress": "".join(
            f"<tr>{_cell(a)}{_cell(b)}</tr>" for a, b in (*stress_rows(done.stressed), *crossed_rows(done.crossed))
        ),
        "regimes": "".join(
            f"<tr><td>{escape(one.name)}</td><td>{one.share * 100:,.0f}{NO_BREAK}%</td>"
            f"<td>{_signed(one.mean * DAYS_PER_YEAR)}</td><td>{_ratio(one.sharpe)}</td></tr>"
            for one in done.stressed.regimes
        ) or '<tr><td colspan="4">Too few days.</td></tr>',
        "notes": _items(_notes(done)),
        "settings": "".join(
            f"<div><span>{escape(key)}</span><span>{escape(str(value))}</span></div>"
            for key, value in done.subject.request.overrides.items()
        ),
        "css": (_PAGE / "report.css").read_text(),
        "js": (_PAGE / "common.js").read_text() + (_PAGE / "lab.js").read_text(),
        "data": orjson.dumps(data).decode().replace("</", "<\\/"),
    }  # fmt: skip
    return fill((_PAGE / "lab.html").read_text(), texts)


def _equity(done: Examination) -> dict[str, Any]:
    """The account day by day, with the holdout after training where it was looked at; so for holding and cash."""
    start, training, outcome = done.stressed.start, done.training, done.outcome

    def grown(before: Floats, after: Floats | None) -> list[float]:
        both = before if after is None else np.concatenate([before, after])
        return np.round(start * np.cumprod(1.0 + both), 2).tolist()  # type: ignore[no-any-return]

    run = grown(training.returns, outcome.returns if outcome else None)
    return {
        "first_day": training.first_day,
        "run": run,
        "holding": grown(training.holding, outcome.holding if outcome else None),
        "cash": [start] * len(run),
        "holdout_at": len(training.returns) if outcome else None,
    }


def _strip(done: Examination) -> list[list[float]]:
    """[first second, percent beyond holding] of each week of the holdout."""
    outcome = done.outcome
    if outcome is None:
        return []
    return [
        [(outcome.first_day + at) * DAY_S, round(float(outcome.edge[at : at + WEEK].sum()) * 100, 3)]
        for at in range(0, len(outcome.edge), WEEK)
    ]


def stress_rows(found: LabStress) -> list[tuple[str, str]]:
    """What was measured under worse terms, as (what, value in words)."""
    size = "not known: it earns nothing beyond holding"
    if found.capacity is not None:
        finite = np.isfinite(found.capacity)
        size = f"{found.capacity:,.0f}" if finite else f"above {found.largest:,.0f}, the largest that was tried"
    plateau = "not known" if found.plateau is None else f"{found.plateau * 100:,.0f}{NO_BREAK}%"
    return [
        ("Sharpe beyond holding, a year", _ratio(found.plain)),
        ("… with all costs doubled", _ratio(found.dear)),
        ("… acting one bar later", _ratio(found.late)),
        ("As good by resampled days without an edge (bootstrap)", _chance(found.bootstrap_p)),
        (f"As good by the same signals at other times ({found.permutations} draws)", _chance(found.permutation_p)),
        (f"Neighbouring settings that earn half as much or more, of {found.neighbours}", plateau),
        ("Account that its own market impact eats (capacity)", size),
    ]


def crossed_rows(found: CrossValidation | None) -> list[tuple[str, str]]:
    """What the choice did on days that it was not made on, as (what, value in words); none where nobody asked."""
    if found is None:
        return []
    least, middle, most = (float(one(found.ratios)) for one in (np.min, np.median, np.max))
    title = f"Out of sample, chosen on other days (CPCV, {found.groups} groups, {found.tests} tests)"
    return [
        (title, f"{_ratio(middle)} in the middle of {len(found.ratios)} histories, {_ratio(least)} to {_ratio(most)}"),
        ("… histories below holding", f"{found.losing * 100:,.0f}{NO_BREAK}%"),
        (f"… different settings chosen in {found.splits:,} splits", f"{found.chosen:,}"),
    ]


def _notes(done: Examination) -> list[str]:
    lines = [
        "Everything is beyond holding: returns less beta times those of buy and hold; a rising market is no skill",
        f"Training has {len(done.training.returns):,} days; code {done.code}",
        "The trials are counted in research/trials.jsonl of the data folder: every backtest, sweep point, walk-forward "
        "point and neighbour that was ever tried on this history",
    ]
    if done.damaged:
        lines.append(f"{done.damaged} lines of the registry can't be read: trials are missing from the count")
    return lines


def _subtitle(done: Examination) -> str:
    begin, end = done.training.first_day, done.training.first_day + len(done.training.returns) - 1
    words = [", ".join(done.subject.request.data), f"training {_day(begin)} to {_day(end)}"]
    if done.holdout_from_s is not None:
        words.append(f"holdout from {from_epoch_ms(done.holdout_from_s * 1000):%Y-%m-%d}")
    return " · ".join(words)


def _day(number: int) -> str:
    return f"{from_epoch_ms(number * DAY_S * 1000):%Y-%m-%d}"


def _items(lines: Any) -> str:
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def _cell(text: str, tone: str = "") -> str:
    return f'<td class="l {tone}" style="white-space:normal">{escape(text)}</td>'


def _ratio(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.2f}".replace("-", MINUS)


def _chance(value: float | None) -> str:
    return "not known" if value is None else f"{value * 100:,.1f}{NO_BREAK}%"


def _signed(value: float) -> str:
    return f"{value * 100:+,.1f}{NO_BREAK}%".replace("-", MINUS)
