"""The watcher's part of reports: it knows which is due, starts `python -m reports`, and hands over what that made.

What was told is kept in the same commit as the message and its queue, so that whatever ends the watcher at whatever
moment, a report is told once: before the commit it is made again, after it it is never due again. One whose time
passed while nobody watched is told late, and says so.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from reports.period import DueReport, ReportKind, ReportTimes, period_of
from reports.store import file_of, read
from reports.text import body, head
from shared.exits import Exit
from shared.files import Unreadable
from shared.times import from_epoch_ms
from watch.jobs import JobResult, Jobs

log = logging.getLogger("reports")
JOB = "report"
LOOK_S, LIMIT_S = 5.0, 120.0
TRIES, AGAIN_S = 3, 300.0
LATE_MS = 900_000
FACT = "reports"


@dataclass(frozen=True, slots=True)
class ReportNews:
    """What is to be told. `late`: its time passed a while ago."""

    title: str
    text: str
    picture: str  # path of a PNG; empty = none
    late: bool


class ReportDuty:
    """`kept`: what the last run left under FACT."""

    def __init__(self, folder: Path, jobs: Jobs, times: ReportTimes, kept: bytes | None) -> None:
        self._folder, self._jobs, self._times = folder, jobs, times
        self._told = _told(kept)
        self._look_s = -1e9
        self._making: DueReport | None = None
        self._tries = 0
        self._again_s = -1e9

    @property
    def facts(self) -> Mapping[str, bytes]:
        """What was told, to be kept with the message that tells it."""
        return {FACT: msgspec.json.encode(self._told)}

    def step(self, now_ms: int, mono_s: float) -> bool:
        """Start what is due. True where `facts` changed, and nothing is to be told of it."""
        if mono_s - self._look_s < LOOK_S:
            return False
        self._look_s = mono_s
        changed = self._follow_settings(now_ms)
        if self._making is None and mono_s >= self._again_s:
            due = self._times.due(self._told, now_ms)
            if due is not None and self._jobs.start(JOB, "reports", due.period.key, mono_s=mono_s, limit_s=LIMIT_S):
                self._making = due
        return changed

    def _follow_settings(self, now_ms: int) -> bool:
        """A kind that is new begins with its next report; one that is off is forgotten."""
        before = dict(self._told)
        for kind in ReportKind:
            newest = self._times.newest(kind, now_ms)
            if newest is None:
                self._told.pop(kind, None)
            elif kind not in self._told:
                self._told[kind] = newest.period.key
        return before != self._told

    def ended(self, result: JobResult, now_ms: int, mono_s: float) -> ReportNews | None:
        """What is to be told now that the process is over; `facts` then says that it was."""
        due, self._making = self._making, None
        if due is None:
            return None
        try:
            report = read(self._folder, due.period) if result.code == Exit.DONE else None
        except (Unreadable, OSError) as error:
            log.warning("report.unreadable key=%s error=%s", due.period.key, error)
            report = None
        if report is None:
            self._tries += 1
            if self._tries < TRIES:
                self._again_s = mono_s + AGAIN_S
                return None
        self._tries, self._told[due.period.kind] = 0, due.period.key
        late = now_ms - due.due_ms > LATE_MS
        remarks = [f"Late: it was due {from_epoch_ms(due.due_ms).astimezone(self._times.zone):%-d %b %H:%M}."] * late
        if due.missed:
            remarks.append(f"{due.missed} before it were not told: ./coin report {due.period.before.key} shows one.")
        if report is None:
            title = f"The report of {due.period.title} could not be made"
            said = result.out.decode("utf-8", "replace").strip().splitlines()
            text = "\n".join([*remarks, said[-1][:200] if said else f"It ended with code {result.code}.",
                              f"./coin report {due.period.key}"])  # fmt: skip
            return ReportNews(title, text, "", late)
        picture = str(file_of(self._folder, due.period, "png")) if report.picture else ""
        return ReportNews(head(report), "\n".join([*remarks, body(report, self._times.zone)]), picture, late)


def _told(kept: bytes | None) -> dict[str, str]:
    """Kind → key; nothing where it is not known, or of another version."""
    try:
        found = msgspec.json.decode(kept or b"{}", type=dict[str, str])
        return {kind: key for kind, key in found.items() if kind in set(ReportKind) and period_of(key)}
    except (msgspec.MsgspecError, ValueError):
        return {}
