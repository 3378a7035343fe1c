"""Does a strategy see only what it may? Asked of data: history cut off, windows as the bot has them, runs side by side.

Every run is a process of its own (`research.sealed`): the strategy is imported anew and handed copies of the bars that
it may see. There is no later bar in that process, no file to read one from, and nothing left of the run before.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from bot.strategies.base import Bars
from bot.strategies.lookahead import COMPARED, Cuts, Difference, compare_cut, compare_window, cuts_at
from research import leaks
from research.data.candles import CandleSet, counted
from research.errors import ResearchError
from research.sealed.session import Offended, SandboxProcess
from shared.figures import plainly
from shared.paths import ROOT
from shared.settings import Settings

Progress = Callable[[int, int], None]  # (done, of how many)
# A fading memory (EMA, RSI since the first bar) may move strength in the last digits, never a signal.
TOLERANCE = 1e-6
KIND_BUDGET_S = 15.0  # to find a name for what was found
PROBED = 3_000  # newest bars that it is looked for in
BUDGET_S = 60.0  # for each of the two long checks; slow strategies are cut at fewer bars, which the answer says
FEWEST = 10
WINDOWS = 250  # for each random cut of history: a window costs little, and finds a BUY that later bars keep back


@dataclass(frozen=True, slots=True)
class StrategyCheck:
    """One check: its name, whether it held, and what was seen in words. `tested`: False where there was nothing to."""

    name: str
    passed: bool
    said: str
    tested: bool = True

    @property
    def mark(self) -> str:
        return "✗" if not self.passed else "✓" if self.tested else "·"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: bars, and the arrays of a first run over all of them, as a backtest makes them."""

    bars: Bars
    whole: dict[str, Any]
    warmup_bars: int
    memory_bars: int
    sealed: bool  # False where the strategy reads more than bars: then it is let, so that the rest can be checked


def check(
    settings: Settings,
    candles: CandleSet,
    cuts: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    buys: int = 100,
    peers: Sequence[CandleSet] = (),
    root: Path = ROOT,
) -> list[StrategyCheck]:
    """Every check of the strategy that the settings name. `peers`: other products, for one that compares them.

    Raises ResearchError where it can't be run at all.
    """
    bars, done = candles.bars().with_peers({one.product_id: one.bars() for one in peers}), itertools.count(1)

    def tell(of: int) -> None:
        if progress is not None:
            progress(next(done), of)

    with SandboxProcess(settings, root) as process:
        first, warmup, memory, modules = _whole(process, bars)
    with SandboxProcess(settings, root, modules) as process:
        offences, shut, locked = _shut(process, bars)
        subject = Subject(bars, first, warmup, memory, not offences)
        ends = cuts_at(first["signal"], min(max(warmup, 1), len(bars)), cuts, buys, seed)
        windows = cuts_at(first["signal"], min(max(memory, warmup), len(bars)), WINDOWS * cuts, buys, seed + 1)
        of = len(ends.ends) + len(windows.ends)
        return [
            _lookahead(process, subject, ends, lambda: tell(of)),
            _live(process, subject, windows, lambda: tell(of)),
            _repeats(process, subject),
            _reads(subject, offences, shut, locked),
        ]


def _whole(process: SandboxProcess, bars: Bars) -> tuple[dict[str, Any], int, int, list[str]]:
    with process.session(sealed=False) as asked:
        if asked.needs_peers and not bars.peers:
            raise ResearchError("the strategy compares products: give --data once for each, of one time")
        if len(bars) < 2 * asked.warmup_bars:
            raise ResearchError(f"{len(bars)} bars are too few: at least {2 * asked.warmup_bars}")
        return asked.signals(bars), asked.warmup_bars, asked.memory_bars, asked.modules


def _shut(process: SandboxProcess, bars: Bars) -> tuple[list[str], dict[str, Any] | None, bool]:
    """(what the strategy tried beside its bars, its arrays without it, whether the system itself kept files shut)."""
    try:
        with process.session(sealed=True) as asked:
            try:
                arrays = asked.signals(bars)
                return asked.offences, arrays, asked.locked
            except ResearchError:
                if not asked.offences:
                    raise
                return asked.offences, None, asked.locked
    except Offended as error:
        return error.offences, None, True


def _lookahead(process: SandboxProcess, subject: Subject, cuts: Cuts, tell: Callable[[], None]) -> StrategyCheck:
    name, bars, until = "no look-ahead bias", subject.bars, monotonic() + BUDGET_S
    done: list[int] = []
    # In the order of a draw, so that what the time allows is spread over all of history.
    for end in np.random.default_rng(len(cuts.ends)).permutation(np.array(cuts.ends, dtype=np.int64)).tolist():
        if monotonic() > until and len(done) >= FEWEST:
            break
        with process.session(sealed=subject.sealed) as asked:
            found = compare_cut(subject.whole, asked.signals(bars.between(0, end), last=COMPARED), end)
        tell()
        done.append(end)
        if found is not None:
            kind = _kind(process, subject)
            return StrategyCheck(name, False, _where(bars, found) + (f": {kind}" if kind else ""))
    signal = subject.whole["signal"]
    buys = int((signal == 1).sum())
    tested = sum(int(signal[end - 1] == 1) for end in done if end)
    said = f"the same signals with history cut off at {counted(len(done), 'bar')}: "
    said += f"{tested:,} of its {counted(buys, 'BUY')}, {len(done) - tested:,} others"
    if not buys:
        said = f"the same signals at {counted(len(done), 'bar')}, but no BUY among {len(bars):,} bars: none was tested"
    return StrategyCheck(name, True, said, tested=bool(buys))


def _kind(process: SandboxProcess, subject: Subject) -> str | None:
    """What kind of look into the future it is; None where it has no name, or can't be told in the time."""
    probes, bars, until = [], subject.bars.tail(PROBED), monotonic() + KIND_BUDGET_S
    try:
        with process.session(sealed=subject.sealed) as asked:
            plain = asked.signals(bars)
            for at in leaks.probe_places(len(bars), min(max(subject.warmup_bars, 1), len(bars)), seed=0):
                moved: set[int] = set()
                for factor in leaks.FACTORS:
                    moved |= leaks.moved_before(plain, asked.signals(leaks.changed(bars, at, factor)), at)
                probes.append(leaks.LeakProbe(at, tuple(sorted(moved))))
                if monotonic() > until:
                    break
    except ResearchError:
        return None  # it fails on bars like these, which says nothing of what it saw
    return leaks.named_kind(probes, bars)


def _where(bars: Bars, found: Difference) -> str:
    at = np.datetime64(int(bars.start_s[found.bar]), "s")
    without, known = plainly(found.without), plainly(found.with_future)
    return f"{found.what} of the bar at {at} UTC is {without}, but {known} with later bars known"


def _live(process: SandboxProcess, subject: Subject, cuts: Cuts, tell: Callable[[], None]) -> StrategyCheck:
    """The newest signal of the bot's window, by the bot's own way of asking, against that of history.

    One object is asked for one window after the other, as by the bot; the process never holds a later one.
    """
    name, bars, until = "the bot's window is long enough", subject.bars, monotonic() + BUDGET_S
    length, done = max(subject.memory_bars, subject.warmup_bars), 0
    with process.session(sealed=subject.sealed) as asked:
        for end in cuts.ends:
            if monotonic() > until and done >= FEWEST:
                break
            part = asked.signals(bars.between(max(end - length, 0), end), last=1)
            done += 1
            tell()
            found = compare_window(subject.whole, part, end, TOLERANCE)
            if found is not None:
                at = np.datetime64(int(bars.start_s[found.bar]), "s")
                return StrategyCheck(
                    name, False,
                    f"{found.what} of the bar at {at} UTC is {plainly(found.with_future)} over history, but "
                    f"{plainly(found.without)} over the newest {length:,} bars: memory_bars or warmup_bars is too "
                    "small, or later bars decided it",
                )  # fmt: skip
    return StrategyCheck(
        name, True, f"the newest {length:,} bars give the same signals as the whole history, at {counted(done, 'bar')}"
    )


def _repeats(process: SandboxProcess, subject: Subject) -> StrategyCheck:
    """Equal bars, equal signals: nothing is drawn at random."""
    name = "deterministic"
    with process.session(sealed=False) as asked:
        again = asked.signals(subject.bars)
    found = _difference(subject.whole, again)
    if found is None:
        return StrategyCheck(name, True, "two fresh processes gave identical results")
    return StrategyCheck(name, False, f"{found[0]} of bar {found[1] + 1:,} changes from run to run")


def _reads(subject: Subject, offences: Sequence[str], shut: dict[str, Any] | None, locked: bool) -> StrategyCheck:
    """What the strategy does with files and the network shut, against what it did with them."""
    name = "uses only its bars"
    if offences:
        return StrategyCheck(name, False, f"it {'; it '.join(offences[:3])}: data read there may include later bars")
    found = _difference(subject.whole, shut or {})
    if found is not None:
        return StrategyCheck(name, False, f"{found[0]} of bar {found[1] + 1:,} changes when no file can be read")
    return StrategyCheck(
        name, True, "it used no file and no network" + ("" if locked else " as far as Python can tell")
    )


def _difference(first: dict[str, Any], second: dict[str, Any]) -> tuple[str, int] | None:
    """(array, place) of the first difference; None = the same bits."""
    for what, a in first.items():
        if what not in second:
            return what, 0
        b = second[what]
        wrong = np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))
        if len(wrong):
            return what, int(wrong[0])
    return None
