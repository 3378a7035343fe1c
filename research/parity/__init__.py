"""Did the bot do what a backtest says? Its signals, its tape and its ledger against the rules that research runs.

- Signals: each one that the bot recorded is made anew from the bars that it recorded.
- Decisions: its tape (RECORD=true) goes price by price through the backtester's own functions (`replay`).
- Results: what each lot earned against what the backtest assumes of fills and fees (`results`).
"""

import dataclasses
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from research.errors import ResearchError
from research.parity import results
from research.parity.findings import Findings, What
from research.parity.replay import replay
from research.parity.signals import Stretch, compare_signals
from shared.errors import first_line
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.location import ledger_location
from shared.ledger.open import DamagedLedger
from shared.market_data import open_market_reader
from shared.market_pace import by_the_clock
from shared.settings import Settings, SettingsError, is_secret, keys, load
from shared.tape import days, read_day

SHOWN = 20
RESULTS_LEAST = 0.8  # below, the backtest does not tell what the bot earns: a fault, though each part is explained


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in words. `differences` counts what nothing explains; `explained` the others.

    `results`: part of the lots' results that the backtest shares; None = no lot was compared. `score`: the part of the
    decisions that agrees times that.
    """

    compared: int
    agreed: int
    differences: int
    lines: tuple[str, ...]
    explained: int = 0
    results: float | None = None
    score: float | None = None

    @property
    def apart(self) -> bool:
        """Whether what was earned is not what the backtest says, though the decisions may be."""
        return self.results is not None and self.results < RESULTS_LEAST


def since_s(text: str, now: datetime) -> int:
    """Seconds since 1970 of "yesterday", "today", a day, or a time (UTC)."""
    ago = {"today": 0, "yesterday": 1}
    if text in ago:
        at = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=ago[text])
        return int(at.timestamp())
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ResearchError(f"{text} is not a day; write it like 2024-01-31, or yesterday") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def compare(since: str) -> Report:
    """Compare by the bot's own settings. Raises ResearchError where nothing was recorded."""
    try:
        settings = load().settings
    except SettingsError as error:
        raise ResearchError("; ".join(error.problems)) from error
    path = settings.paths.market_db
    if not path.exists():
        raise ResearchError(f"the bot has not recorded anything yet: there is no {os.path.relpath(path)}")
    begin_s = since_s(since, datetime.now(UTC))
    try:
        with closing(open_market_reader(path)) as db:
            return compare_in(db, settings, begin_s)
    except (sqlite3.Error, OSError) as error:
        raise ResearchError(f"{path.parent.name} can't be read: {error}") from error


def compare_in(db: sqlite3.Connection, settings: Settings, begin_s: int) -> Report:
    """The same on an open market.db; the tape and the ledger lie where the settings say.

    Signals are made by the settings that the newest run on the tape was started with, since these are in force.
    """
    signals = Findings()
    if not days(settings.paths.tape):
        compare_signals(db, [Stretch(settings, begin_s)], signals)
        note = "There is no tape of the prices as judged: decisions are not compared (RECORD=true keeps one)"
        return _report(settings, signals, [f"· {note}"], [])
    tracker = results.Tracker()
    found = replay(tracker.watch(tape_lines(settings.paths.tape)), settings_of, begin_s * 1000)
    stretches = _stretches(settings, tracker, begin_s)
    running = stretches[-1].settings
    compare_signals(db, stretches, signals)
    more, lots = _results(settings, tracker, begin_s)
    found.agreed.update(signals.agreed)
    found.differences[:0] = signals.differences
    found.notes[:0] = signals.notes
    return _report(running, found, more, lots)


def _stretches(settings: Settings, tracker: results.Tracker, begin_s: int) -> list[Stretch]:
    """Time since then by the settings in force; what came before the tape counts to the first that it knows."""
    known = [(at_ms // 1000, settings_of(texts)) for at_ms, texts in tracker.stretches] or [(0, settings)]
    out = []
    for position, (at_s, made) in enumerate(known):
        end_s = known[position + 1][0] if position + 1 < len(known) else 1 << 60
        if end_s > begin_s:
            begin = begin_s if position == 0 else max(begin_s, at_s)
            out.append(Stretch(dataclasses.replace(made, data_dir=settings.data_dir), begin, end_s))
    return out


def _results(
    settings: Settings, tracker: results.Tracker, begin_s: int
) -> tuple[list[str], Sequence[results.LotResult]]:
    location = ledger_location(settings)
    try:
        if not ledger_exists(location):
            return [], []
        engine = connect_reader(location)
        try:
            lots, unknown = results.earned(engine, tracker, begin_s * 1000)
        finally:
            engine.dispose()
    except (LedgerError, DamagedLedger) as error:
        return [f"· The ledger can't be read, results are not compared: {first_line(error)}"], []
    return results.lines(lots, unknown, settings.products[0].partition("-")[2]), lots


def tape_lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Every line that is kept: a run that began before may be the one that is asked about."""
    for day in days(folder):
        yield from read_day(folder, day)


def settings_of(texts: Mapping[str, str]) -> Settings:
    """The settings that a run was started with, but for what is secret. Raises ResearchError."""
    known = {key for key, _, _ in keys()}
    kept = {key: value for key, value in texts.items() if key.startswith("STRATEGY_") or key in known}
    asked = {key: value for key, value in kept.items() if value and not (key in known and is_secret(key))}
    asked["COIN_MODE"] = "sim"  # no key is needed to read a tape
    try:
        made = load(Path("/nonexistent"), asked).settings
        # A recording that was replayed faster: the rules counted the market's time, the tape has the clock's.
        return by_the_clock(made, made.sim_replay_speed if texts.get("COIN_MODE") == "replay" else 1.0)
    except SettingsError as error:
        raise ResearchError("the tape's settings: " + "; ".join(error.problems)) from error


def _report(settings: Settings, found: Findings, more: list[str], lots: Sequence[results.LotResult]) -> Report:
    unexplained, decided, earned = found.unexplained, found.score(), results.agreement(lots)
    if decided is None:
        lines = [*(f"· {note}" for note in found.notes), *more, "· There is nothing to compare"]
        return Report(0, 0, 0, tuple(lines))
    lines = []
    for what in What:
        compared = found.compared(what)
        if compared:
            mark = "✓" if found.agreed[what] == compared else "·"
            mark = "✗" if any(one.what is what for one in unexplained) else mark
            lines.append(f"{mark} {what}: {found.agreed[what]:,} of {compared:,} agree")
    if found.judged:
        lines.append(f"· Compared at {found.judged:,} recorded prices")
    shown = sorted(found.differences, key=lambda one: (bool(one.why), one.at_ms))
    lines += [one.line() for one in shown[:SHOWN]]
    if len(shown) > SHOWN:
        lines.append(f"· … and {len(shown) - SHOWN:,} more")
    lines += [*more, *(f"· {note}" for note in dict.fromkeys(found.notes))]
    explained = len(found.differences) - len(unexplained)
    score = decided * (1.0 if earned is None else earned)
    made = Report(found.compared(), found.agreed.total(), len(unexplained), (), explained, earned, score)
    mark = "✗" if unexplained or made.apart else "✓"
    words = "results are not compared"
    if earned is not None:
        real, assumed = results.totals(lots)
        words = f"results {100 * earned:.2f} % (the bot {real:+,.2f} {_quote(settings)}, the backtest {assumed:+,.2f})"
    lines.append(
        f"{mark} Parity {100 * score:.2f} %: decisions {100 * decided:.2f} % ({found.agreed.total():,} of "
        f"{found.compared():,} agree, {explained:,} differences explained, {len(unexplained):,} unexplained), {words}; "
        f"strategy {settings.strategy}"
    )
    return dataclasses.replace(made, lines=tuple(lines))


def _quote(settings: Settings) -> str:
    return settings.products[0].partition("-")[2]
