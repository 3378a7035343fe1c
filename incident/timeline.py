"""The bundle's timeline: one page without scripts or addresses, everything that happened in one order."""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from incident.sources import Part
from shared.times import epoch_ms, from_epoch_ms, iso_ms, parse_time

ROWS_MAX = 5000
_LINE = re.compile(r"^(\S+Z) (WARNING|ERROR|CRITICAL)\s+(.*)$")


@dataclass(frozen=True, slots=True, order=True)
class TimelineRow:
    """One thing that happened. `level`: info, warning or error."""

    at_ms: int
    source: str
    level: str
    text: str


def moments(parts: Iterable[Part]) -> list[TimelineRow]:
    """Everything dated in these parts, oldest first; a row that cannot be read is left out."""
    found: list[TimelineRow] = []
    for part in parts:
        if part.name.startswith("logs/") and "pm2/" not in part.name:  # PM2's hold the same lines once more
            found.extend(_of_log(part))
        elif part.name in _TABLES:
            found.extend(_TABLES[part.name](part))
    return sorted(found)


def _of_log(part: Part) -> Iterator[TimelineRow]:
    source = part.name.removeprefix("logs/").partition(".")[0]
    for line in part.data.decode(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        try:
            at_ms = epoch_ms(parse_time(match[1]))
        except ValueError:
            continue
        yield TimelineRow(at_ms, source, "warning" if match[2] == "WARNING" else "error", match[3])


def _rows(part: Part) -> Iterator[dict[str, object]]:
    for line in part.data.splitlines():
        try:
            row = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _ms(row: dict[str, object], name: str) -> int:
    value = row.get(name)
    return value if isinstance(value, int) else 0


def _activity(part: Part) -> Iterator[TimelineRow]:
    for row in _rows(part):
        level = str(row.get("level"))
        yield TimelineRow(
            _ms(row, "at_ms"), "bot", level if level in ("warning", "error") else "info", str(row.get("text"))
        )


def _boots(part: Part) -> Iterator[TimelineRow]:
    for row in _rows(part):
        yield TimelineRow(_ms(row, "at_ms"), "bot", "info", f"started, build {row.get('build')}")
        if row.get("ended_ms"):
            yield TimelineRow(_ms(row, "ended_ms"), "bot", "info", "ended by itself")


def _latches(part: Part) -> Iterator[TimelineRow]:
    for row in _rows(part):
        what = f"{row.get('kind')} latched by {row.get('source')}: {row.get('note') or 'no note'}"
        yield TimelineRow(_ms(row, "at_ms"), "bot", "error", what)
        if row.get("lifted_ms"):
            yield TimelineRow(
                _ms(row, "lifted_ms"), "bot", "info", f"{row.get('kind')} lifted by {row.get('lifted_by')}"
            )


def _commands(part: Part) -> Iterator[TimelineRow]:
    for row in _rows(part):
        what = f"command {row.get('cmd')} by {row.get('by')}: {row.get('state')} {row.get('reason') or ''}"
        yield TimelineRow(_ms(row, "seen_ms"), "command", "info", what.rstrip())


_TABLES = {
    "ledger/activity_log.jsonl": _activity,
    "ledger/boots.jsonl": _boots,
    "ledger/latches.jsonl": _latches,
    "ledger/commands.jsonl": _commands,
}

_STYLE = """
:root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .2rem .6rem .2rem 0; vertical-align: top }
td:first-child { white-space: nowrap; font-variant-numeric: tabular-nums } tr { border-top: 1px solid #8884 }
.warning td:nth-child(3) { color: #a60 } .error td:nth-child(3) { color: #c22; font-weight: 600 }
td:last-child { overflow-wrap: anywhere } p { max-width: 45rem }
"""
_MARKS = {"info": "", "warning": "! warning", "error": "✗ error"}


def page(parts: Iterable[Part], reason: str, since_ms: int, made_ms: int, failed: dict[str, str]) -> bytes:
    """The page. The newest `ROWS_MAX` rows, and how many more there were."""
    every = [one for one in moments(parts) if one.at_ms >= since_ms]
    shown = every[-ROWS_MAX:]
    rows = "".join(
        f'<tr class="{one.level}"><td>{iso_ms(from_epoch_ms(one.at_ms))}</td><td>{html.escape(one.source)}</td>'
        f"<td>{_MARKS[one.level]}</td><td>{html.escape(one.text)}</td></tr>"
        for one in shown
    )
    left = f"<p>{len(every) - len(shown):,} earlier rows are in the files only.</p>" if len(every) > len(shown) else ""
    missing = "".join(f"<li>{html.escape(name)}: {html.escape(why)}</li>" for name, why in failed.items())
    gaps = f"<h2>Not in this bundle</h2><ul>{missing}</ul>" if missing else ""
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Incident {iso_ms(from_epoch_ms(made_ms))}</title><style>{_STYLE}</style>"
        f"<h1>Incident</h1><p>{html.escape(reason)}. Made {iso_ms(from_epoch_ms(made_ms))}; times are UTC, from "
        f"{iso_ms(from_epoch_ms(since_ms))} on. {len(every):,} rows.</p>{left}{gaps}"
        "<table><thead><tr><th>time</th><th>from</th><th>level</th><th>what</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></html>\n"
    )
    return text.encode()
