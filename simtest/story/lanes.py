"""The lanes of a run above its products: breaches, the time, processes, the published word, faults and acts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from simtest.plan import REST_FAULTS, STORAGE_FAULTS
from simtest.story.run_story import RunStory
from simtest.story.svg import ROW, Axis, LaneBar, clock, drawn, fits, marked, packed

GOOD, WARN, BAD = "good", "warn", "bad"
# The published word → how it looks; every other one is trouble.
WORDS = {"starting": "info", "running": GOOD, "paused": WARN, "stopping": WARN, "stopped": "idle"}
TICKS_S = (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
TICKS_MOST = 16


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: its name at the left, and a drawing of a height in px."""

    name: str
    note: str  # below the name
    drawing: str
    height: int
    kind: str = ""


def lanes(story: RunStory, axis: Axis) -> Iterator[Lane]:
    """All of them, top to bottom."""
    yield time_axis(axis)
    if story.breaches:
        yield _breaches(story, axis)
    yield _processes(story, axis)
    yield _states(story, axis)
    yield _faults(story, axis)
    yield _acts(story, axis)


def tick_us(axis: Axis) -> int:
    """The distance of two lines of the time."""
    seconds = next((s for s in TICKS_S if axis.end_us / 1e6 / s <= TICKS_MOST), TICKS_S[-1])
    return seconds * 1_000_000


def time_axis(axis: Axis) -> Lane:
    step = tick_us(axis)
    texts = [
        f'<text x="{axis.x(us)}" dx="3" y="15">{us // 60_000_000}:{us // 1_000_000 % 60:02d}</text>'
        for us in range(0, axis.end_us, step)
    ]
    return Lane("time", "min:s of the run", "".join(texts), 22, "axis")


def _breaches(story: RunStory, axis: Axis) -> Lane:
    bars = [
        LaneBar(
            breach.us, breach.us, f"{breach.number} {breach.invariant.partition(' ')[0]}",
            f"{breach.invariant}: {breach.text}", "breach", f"#breach-{breach.number}",
        )
        for breach in story.breaches
    ]  # fmt: skip
    rows = packed(axis, bars)
    return Lane("breaches", "what the judge found", drawn(axis, rows), len(rows) * ROW, "flags")


def _processes(story: RunStory, axis: Axis) -> Lane:
    truth = story.truth
    rows = [[_life(life, axis, f"life {life['life']}") for life in truth["lives"]]]
    for number, copy in enumerate(truth["copies"], 1):
        rows.append([_life(life, axis, f"copy {number}") for life in copy["lives"]])
    second = [
        LaneBar(
            row["us"], row["to_us"] or story.end_us, "second bot", f"a second bot on the folder: {row['end']}", WARN
        )
        for row in truth["seconds"]
    ]
    ends = "".join(_end(life, axis, number * ROW) for number, row in enumerate(_lives(truth)) for life in row)
    rows += packed(axis, second)
    return Lane("process", "lives of the bot", drawn(axis, rows) + ends, len(rows) * ROW)


def _lives(truth: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [truth["lives"], *(copy["lives"] for copy in truth["copies"])]


def _life(life: dict[str, Any], axis: Axis, name: str) -> LaneBar:
    until_us = life["to_us"] if life["to_us"] is not None else axis.end_us
    how = "goes on" if life["end"] is None or until_us >= axis.end_us else f"ends: {life['end']}"
    title = f"{name}, {clock(life['from_us'])} to {clock(until_us)}, {how} {life.get('error') or ''}".strip()
    long = f"{name}, {life['end']}" if how != "goes on" else name
    label = next((text for text in (long, name) if fits(axis, text, life["from_us"], until_us)), "")
    return LaneBar(life["from_us"], until_us, label, title, "life-of-bot")


def _end(life: dict[str, Any], axis: Axis, y: int) -> str:
    """A mark where a process ended."""
    if life["end"] is None or life["to_us"] is None or life["to_us"] >= axis.end_us:
        return ""
    kind = {"exit 0": "idle", "exit 78": WARN}.get(life["end"], BAD)
    shape = (
        f'<svg x="{axis.x(life["to_us"])}" y="{y}" overflow="visible"><rect x="-3" y="1" width="3" height="16"/></svg>'
    )
    return marked(shape, f"{life['end']} at {clock(life['to_us'])}", f"end {kind}")


def _states(story: RunStory, axis: Axis) -> Lane:
    """Verdict, trading level and kill latch as published, from each state to the next that differs."""
    states: list[dict[str, Any]] = story.truth["states"]
    ends = {life["life"]: life["to_us"] or story.end_us for life in story.truth["lives"]}

    def row(what: str, kind: Any, prefix: str = "") -> list[LaneBar]:
        found = []
        for (life, value), group in groupby(states, key=lambda state: (state["life"], state[what])):
            begin_us = next(group)["us"]
            found.append((life, value, begin_us))
        bars = []
        for number, (life, value, begin_us) in enumerate(found):
            following = found[number + 1][2] if number + 1 < len(found) else story.end_us
            until_us = min(following, max(ends.get(life, story.end_us), begin_us))
            if value is not None:
                label = f"{prefix}{value}"
                title = f"{label}, {clock(begin_us)} to {clock(until_us)}"
                shown = label if fits(axis, label, begin_us, until_us) else ""
                bars.append(LaneBar(begin_us, until_us, shown, title, kind(str(value))))
        return bars

    rows = [
        row("word", lambda value: WORDS.get(value, BAD)),
        row("level", lambda value: {"run": GOOD, "pause": WARN, "stop": "idle"}.get(value, BAD), "level "),
    ]
    latched = row("latch", lambda _value: BAD, "latch ")
    rows += [latched] if latched else []
    return Lane("published", "verdict, level, latch", drawn(axis, rows), len(rows) * ROW)


def _faults(story: RunStory, axis: Axis) -> Lane:
    strikes = story.record.get("strikes", {})
    bars = []
    for window in story.truth["plan"]["windows"]:
        where = f" on {window['scope']}" if window["scope"] else ""
        begin_us, end_us = window["at_s"] * 1e6, (window["at_s"] + window["for_s"]) * 1e6
        title = (
            f"{window['kind']}{where}, {clock(begin_us)} to {clock(end_us)}: each occasion with probability "
            f"{window['rate']:g}, arg {window['arg']:g}; all of its kind struck {strikes.get(window['kind'], 0)} times"
        )
        kind = window["kind"]
        family = "net" if kind in REST_FAULTS else "disk" if kind in STORAGE_FAULTS else "stream"
        bars.append(LaneBar(begin_us, end_us, f"{kind}{where}", title, f"fault {family}"))
    rows = packed(axis, bars)
    note = f"{len(bars)} windows" if bars else "none in this run"
    return Lane("faults", note, drawn(axis, rows) + _strikes(story, axis, rows), max(len(rows), 1) * ROW)


def _strikes(story: RunStory, axis: Axis, rows: Sequence[Sequence[LaneBar]]) -> str:
    """A mark on a fault's window wherever one of its kind struck, where the run's evidence has it."""
    found = []
    for kind, where, first_us, last_us in story.truth["struck"]:
        for number, row in enumerate(rows):
            for bar in row:
                if bar.label.split(" ")[0] == kind and bar.begin_us <= first_us <= bar.end_us:
                    shape = (
                        f'<rect x="{axis.x(first_us)}" y="{number * ROW + ROW - 5}" height="3" '
                        f'width="{axis.width(first_us, last_us)}"/>'
                    )
                    found.append(marked(shape, f"{kind} struck {where} at {clock(first_us)}", "strike"))
    return "".join(found)


def _acts(story: RunStory, axis: Axis) -> Lane:
    bars = []
    for act in story.truth["acts"]:
        more = ", ".join(f"{name} {value}" for name, value in act.items() if name not in ("us", "kind"))
        kind = "act info" if act["kind"] in ("calm", "rest") else "act"
        bars.append(LaneBar(act["us"], act["us"], act["kind"], f"{act['kind']} at {clock(act['us'])}: {more}", kind))
    rows = packed(axis, bars)
    return Lane("acts", "of people and machine", drawn(axis, rows), max(len(rows), 1) * ROW)


def framed(lane: Lane, axis: Axis, story: RunStory) -> str:
    """A lane with the lines of the time and of the breaches through it."""
    lines = "".join(
        f'<line class="grid" x1="{axis.x(us)}" x2="{axis.x(us)}" y1="0" y2="100%"/>'
        for us in range(0, axis.end_us, tick_us(axis))
    )
    calm = next((act["us"] for act in story.truth["acts"] if act["kind"] == "calm"), None)
    if calm is not None:
        lines += f'<rect class="calm" x="{axis.x(calm)}" width="{axis.width(calm, axis.end_us)}" y="0" height="100%"/>'
    moments = {breach.us: None for breach in story.breaches}
    flags = "".join(f'<line class="at" x1="{axis.x(us)}" x2="{axis.x(us)}" y1="0" y2="100%"/>' for us in moments)
    return (
        f'<div class="lane {lane.kind}">'
        f'<div class="name"><b>{escape(lane.name)}</b><span>{escape(lane.note)}</span></div>'
        f'<div class="draw" style="min-height:{lane.height + 6}px"><svg role="img" aria-label="{escape(lane.name)}">'
        f'{lines}{flags}<svg y="3" height="{lane.height}" width="100%" overflow="visible">{lane.drawing}</svg></svg>'
        "</div></div>"
    )
