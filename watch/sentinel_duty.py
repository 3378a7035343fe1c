"""The watcher's part of the sentinel: it looks, decides, starts `python -m sentinel`, and says what that did."""

import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sentinel.decision import Condition, Looker, SilenceWatch
from sentinel.report import SentinelReport
from shared.exits import Exit
from shared.paths import DataPaths
from watch.jobs import JobResult, Jobs
from watch.observations import BotObservation, SentinelNote

log = logging.getLogger("sentinel")
LOOK_S = 1.0
LIMIT_S = 150.0  # to cancel, and to sell
AGAIN_S = 60.0  # after a try that could not prove that no entry is left
JOB = "sentinel"


@dataclass(slots=True)
class _Guarded:
    """One bot."""

    looker: Looker
    silence: SilenceWatch
    condition: Condition = Condition.SILENT
    again_s: float = 0.0


class SentinelDuty:
    """Guards every bot of the folder, one at a time: the process reads that bot's own settings and key, and leaves it
    alone where they say SENTINEL=off. `after_s`: SENTINEL_AFTER_S; `default_off`: the default bot's say off."""

    def __init__(self, data_dir: Path, jobs: Jobs, after_s: float, *, default_off: bool = False) -> None:
        self._data_dir, self._jobs, self._after_s, self._default_off = data_dir, jobs, after_s, default_off
        self._guarded: dict[str, _Guarded] = {}
        self._look_s = -1e9
        self._acting: str | None = None  # the bot that the running process is for
        self.notes: dict[str, SentinelNote] = {}  # bot → what was done, until it answers again

    def step(self, bots: tuple[BotObservation, ...], mono_s: float) -> None:
        """Look once a second; start what is due."""
        if mono_s - self._look_s < LOOK_S:
            return
        self._look_s = mono_s
        for bot in bots:
            if bot.state is not None and not (self._default_off and bot.ref.is_default):
                self._guard(bot, mono_s)

    def _guard(self, bot: BotObservation, mono_s: float) -> None:
        one = self._guarded.get(bot.name)
        if one is None:
            looker = Looker(DataPaths(bot.ref.folder(self._data_dir)))
            one = self._guarded[bot.name] = _Guarded(looker, SilenceWatch(self._after_s))
        look = one.looker.look(mono_s)
        found = one.silence.judge(look)
        if found is Condition.ANSWERS:
            self.notes.pop(bot.name, None)
        if found not in (Condition.DEAD, Condition.HUNG) or mono_s < one.again_s:
            return
        if found is Condition.DEAD and bot.ended_in_order:
            one.silence.settled()  # it was ended by a person, or by itself, and left its orders in order
            return
        pid = look.pid if look.pid is not None else 0
        named = () if bot.ref.is_default else (bot.name,)
        if self._jobs.start(JOB, "sentinel", found.value, str(pid), *named, mono_s=mono_s, limit_s=LIMIT_S):
            one.condition, one.again_s = found, mono_s + AGAIN_S
            log.warning("sentinel.acts bot=%s condition=%s pid=%d", bot.name, found, pid)
            self._acting = bot.name

    def ended(self, result: JobResult, now_ms: int) -> None:
        """Take what the process said."""
        name, self._acting = self._acting, None
        if name is None:
            return
        one = self._guarded[name]
        report = _report(result)
        good = result.code == Exit.DONE
        if report.off:
            one.silence.settled()
            return
        if good or result.code == Exit.LOCKED:  # done, or a bot is at work again
            one.silence.settled()
        if result.code == Exit.LOCKED:
            self.notes.pop(name, None)
        else:
            text = _said(one.condition, report, good)
            self.notes[name] = SentinelNote(name, now_ms, text, failed=not good, sold=bool(report.sold))
        log.warning("sentinel.ended bot=%s code=%d %s", name, result.code, report)


def _report(result: JobResult) -> SentinelReport:
    lines = result.out.splitlines()
    try:
        return msgspec.json.decode(lines[-1] if lines else b"", type=SentinelReport)
    except msgspec.MsgspecError:
        return SentinelReport(problem=f"it ended with code {result.code} and said nothing")


def _said(condition: Condition, report: SentinelReport, good: bool) -> str:
    ended = "The process that hung was ended. " if report.ended else ""
    if not report.proven:
        return f"{ended}Entries may still rest at the exchange: {report.problem or 'not proven'}. It is tried again."
    orders = "1 resting entry was" if report.cancelled == 1 else f"{report.cancelled} resting entries were"
    left = f" {report.exits_left} exits stay." if report.exits_left else ""
    cancelled = f"{orders} cancelled" if report.cancelled else "No entry rested at the exchange"
    return f"The bot is {condition.value}. {ended}{cancelled}; none is left.{_sale(report, good) or left}"


def _sale(report: SentinelReport, good: bool) -> str:
    """What was sold, and what was not; empty where nothing was to be."""
    if not report.flatten:
        return ""
    sizes = ", ".join(f"{size} {product}" for product, size in report.sold.items())
    lots = "1 lot" if report.lots_sold == 1 else f"{report.lots_sold} lots"
    takes = f", {report.takes_cancelled} resting exits were cancelled first" if report.takes_cancelled else ""
    sold = f" Sold: {sizes} of {lots}{takes}." if sizes else "" if report.unsold else " There was nothing to sell."
    if report.forbidden:
        return f"{sold} Nothing was sold: {report.unsold}. {report.exits_left} exits stay."
    return sold if good else f"{sold} Lots are left: {report.unsold}. It is tried again."
