"""A report's figures against those that the dashboard shows, over a ledger that the bot's own engine wrote."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reports.document import BotReport, decode_report
from reports.figures import ReportSources, report_of
from reports.make import alerts_of, made, make_and_keep, sources_of
from reports.period import ReportKind, ReportPeriod, period_of
from reports.store import KEPT, kept, read
from reports.text import body, head
from shared.bots import DEFAULT_BOT, BotRef
from shared.documents.alert_life import WATCHED_FACT
from shared.documents.alerts import AlertSeverity
from shared.ledger import schema as t
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_writer
from shared.market_data import EquityRow, open_market_writer, put_equity
from shared.paths import DataPaths
from shared.settings import Settings
from tests.dashboard.conftest import Dash, dash  # noqa: F401 (the fixture of the dashboard's tests)
from tests.dashboard.test_same_figures import Past
from tests.ledger_rows import put
from watch.alert_book import AlertBook, HeldFinding
from watch.alert_store import AlertStore

DAY_MS = 86_400_000
FIRST = period_of("2026-11-28")
C, W = AlertSeverity.CRITICAL, AlertSeverity.WARNING


@pytest.fixture
def past(dash: Dash) -> Iterator[Past]:  # noqa: F811
    found = Past(dash)
    found.lived()
    yield found
    found.market.close()


def period_at(ms: int, kind: ReportKind = ReportKind.DAY) -> ReportPeriod:
    day = datetime.fromtimestamp(ms / 1000, UTC).date()
    return ReportPeriod(day - timedelta(days=day.weekday() if kind is ReportKind.WEEK else 0), kind)


async def test_the_days_figures_are_those_of_the_performance_page(dash: Dash, past: Past) -> None:  # noqa: F811
    account = past.publish()
    assert account is not None
    settings = Settings(data_dir=dash.paths.root)
    async with dash.machine() as client:
        shown = (await client.get("/api/performance?range=1w&by=day")).json()["periods"]
    for at_ms in (past.midnight_ms - DAY_MS, past.midnight_ms):
        period = period_at(at_ms)
        found = report_of(sources_of(settings, DEFAULT_BOT), period, past.rig.now_ms)
        (day,) = [one for one in shown if one["key"] == period.key]
        assert found.realised == pytest.approx(day["realised"]) and found.fees == pytest.approx(day["fees"])
        assert found.transfers == pytest.approx(day["transfers"])
        assert (found.lots_closed, found.won) == (day["lots"], day["wins"])
        if (
            at_ms < past.midnight_ms
        ):  # today has no end yet: the dashboard shows it as of now, a report does not know it
            assert found.result == pytest.approx(day["result"]) and found.open_change == pytest.approx(
                day["open_change"]
            )
            assert found.result is not None and found.result != 0 and found.realised and found.fees
        else:
            assert (found.result, found.equity_end) == (None, None)
            assert "the bot has not begun the next day" in " ".join(found.unknown)
    assert (found.equity_now, found.open_pnl, found.lots_open) == (account.equity, account.open_pnl, 1)


async def test_the_weeks_figures_are_those_of_the_performance_page(dash: Dash, past: Past) -> None:  # noqa: F811
    past.publish()
    async with dash.machine() as client:
        shown = (await client.get("/api/performance?range=1m&by=week")).json()["periods"]
    period = period_at(past.midnight_ms, ReportKind.WEEK)
    found = report_of(sources_of(Settings(data_dir=dash.paths.root), DEFAULT_BOT), period, past.rig.now_ms)
    (week,) = [one for one in shown if one["key"] == period.key]
    assert found.realised == pytest.approx(week["realised"]) and found.fees == pytest.approx(week["fees"])
    assert found.transfers == pytest.approx(week["transfers"]) and found.lots_closed == week["lots"]


class Ledger:
    """A ledger and market records by hand, of 28 to 30 November 2026."""

    def __init__(self, folder: Path) -> None:
        self.paths = DataPaths(folder)
        self.paths.prepare()
        self.engine = open_writer(self.paths.ledger)
        self.market = open_market_writer(self.paths.market_db)

    def day(self, day: str, start: str, **more: Any) -> None:
        columns = {"realized": Decimal(0), "fees": Decimal(0), "transfers": Decimal(0), **more}
        with self.engine.begin() as db:
            put(db, t.days, day=day, start_equity=Decimal(start), start_unrealized=Decimal(0),
                peak_equity=Decimal(start), counters={}, **columns)  # fmt: skip

    def boot(self, number: int, at_ms: int, ended_ms: int | None) -> None:
        with self.engine.begin() as db:
            put(db, t.boots, boot_id=f"b{number}", at_ms=at_ms, build="x", ended_ms=ended_ms)

    def stops(self, gate: str, title: str, bars: range, *, product: str = "BTC-USD", signal: str = "flat") -> None:
        rows = [(product, FIRST.start_ms // 1000 + 60 * bar, signal, gate, title) for bar in bars]
        with self.market:
            into = "INSERT INTO stops (product_id, start_s, signal, gate, title) VALUES (?,?,?,?,?)"
            self.market.executemany(into, rows)

    def report(self, period: ReportPeriod = FIRST, now_ms: int = FIRST.end_ms + 8 * 3_600_000) -> BotReport:
        sources = ReportSources(
            bot=DEFAULT_BOT, paths=self.paths, ledger=LedgerLocation(self.paths.ledger), state=None, bar_s=60.0
        )
        return report_of(sources, period, now_ms)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "data")


def test_a_day_with_money_that_moved(ledger: Ledger) -> None:
    ledger.day("2026-11-28", "10000", fees=Decimal("3.5"), transfers=Decimal(500))
    ledger.day("2026-11-29", "10520")
    found = ledger.report()
    assert (found.result, found.result_pct, found.equity_start, found.equity_end) == (20.0, 0.2, 10_000.0, 10_520.0)
    assert (found.fees, found.transfers, found.realised, found.open_change) == (3.5, 500.0, 0.0, 20.0)


def test_days_without_a_run_are_named_and_the_result_says_how_far_it_runs(ledger: Ledger) -> None:
    assert "it did not run" in " ".join(ledger.report().unknown) and ledger.report().fees is None
    ledger.day("2026-11-28", "10000")
    ledger.day("2026-12-02", "9000")
    found = ledger.report()
    assert found.result == -1000.0 and any("2026-12-02: the result runs until then" in one for one in found.unknown)
    week = ledger.report(period_of("2026-W48"))
    assert any("2026-11-29: the bot did not run" in one for one in week.unknown)


def test_what_stopped_entries_counts_a_moment_once_and_says_what_is_not_on_record(ledger: Ledger) -> None:
    ledger.stops("signal", "Signal", range(600))
    ledger.stops("signal", "Signal", range(600), product="ETH-USD")
    ledger.stops("edge", "Edge after fees", range(600, 700), signal="buy")
    ledger.stops("entered", "Entered", range(700, 702), signal="buy")
    found = ledger.report()
    assert found.gates is not None
    assert [(g.gate, g.bars, g.span_s, g.buys) for g in found.gates] == [
        ("signal", 1200, 36_000, 0),
        ("edge", 100, 6_000, 100),
    ]
    assert (found.entered_bars, found.recorded_s) == (2, 702 * 60)
    assert any("entries for 12 h 18 min: no decision is on record" in one for one in found.unknown)
    ledger.stops("signal", "Signal", range(702, 1440))
    assert not any("on record" in one for one in ledger.report().unknown)


def test_starts_latches_and_the_breaker(ledger: Ledger) -> None:
    hour = 3_600_000
    ledger.day("2026-11-28", "10000", breaker_ms=FIRST.start_ms + 20 * hour)
    ledger.day("2026-11-29", "9000")
    for number, (at, ended) in enumerate([(-5, None), (2, 3), (4, None), (6, None)]):
        ends = FIRST.start_ms + ended * hour if ended is not None else None
        ledger.boot(number, FIRST.start_ms + at * hour, ends)
    with ledger.engine.begin() as db:
        for name, at, lifted in (("old", -50, -40), ("over", -2, 1), ("holds", 7, None)):
            put(db, t.latches, latch_id=name, kind="kill", at_ms=FIRST.start_ms + at * hour, source="operator",
                lifted_ms=None if lifted is None else FIRST.start_ms + lifted * hour)  # fmt: skip
    found = ledger.report()
    assert (found.starts, found.unclean) == (3, 2), "the first came after a run that had died the day before"
    spans = [
        (s.what, (s.from_ms - FIRST.start_ms) // hour, (s.until_ms or 0) // hour - FIRST.start_ms // hour)
        for s in found.shut or []
    ]
    assert spans == [("kill", 0, 1), ("kill", 7, 24), ("the day's loss", 20, 24)]


def test_alerts_of_the_period_are_those_that_fired_or_still_did(tmp_path: Path) -> None:
    path, minute = tmp_path / "alerts.db", 60_000
    assert alerts_of(path, FIRST) is None, "no file: nobody knows"
    book, store = AlertBook(), AlertStore(path)
    store.load(FIRST.start_ms)

    def step(names: str, at_ms: int) -> None:
        found = [HeldFinding("r", n, f"cause.{n}", C if n == "b" else W, f"{n} is bad", "") for n in names]
        store.save(book.step(found, {("r", n) for n in "abcd" if n not in names}, at_ms).changed)

    for names, at in (
        ("a", -600),
        ("", -300),
        ("", -299),
        ("c", -10),
        ("cb", 100),
        ("c", 200),
        ("c", 201),
        ("cd", 1441),
    ):
        step(names, FIRST.start_ms + at * minute)
    store.close()
    told = alerts_of(path, FIRST)
    assert told is not None
    assert [(a.name, a.severity, a.resolved_ms is None) for a in told] == [
        ("cause.b", "critical", False),
        ("cause.c", "warning", True),
    ]
    path.write_bytes(b"x" * 5000)
    assert alerts_of(path, FIRST) is None, "a damaged file: nobody knows"


def test_a_report_is_kept_read_again_and_old_ones_go(ledger: Ledger) -> None:
    settings = Settings(data_dir=ledger.paths.root)
    ledger.day("2026-11-28", "10000")
    ledger.day("2026-11-29", "10001.25")
    with ledger.market:
        for n in range(2000):
            put_equity(ledger.market, EquityRow(FIRST.start_ms // 1000 + n * 60, 10_000.0 + n % 50, 1.0, 1.0))
    path = make_and_keep(settings, FIRST)
    report = read(ledger.paths.reports, FIRST)
    assert report is not None and report == decode_report(path.read_bytes()) and path.stat().st_mode & 0o077 == 0
    assert head(report) == "Daily report, 28 Nov 2026: main +1.25 USD (+0.01 %)"
    assert "not known" not in head(report) and "Result +1.25 after fees: realised 0.00" in body(report)
    week = period_of("2026-W48")
    picture = make_and_keep(settings, week).with_suffix(".png")
    assert picture.read_bytes().startswith(b"\x89PNG") and read(ledger.paths.reports, week).picture == picture.name  # type: ignore[union-attr]
    for n in range(KEPT[ReportKind.DAY] + 3):
        day = ReportPeriod(FIRST.first - timedelta(days=n + 1), ReportKind.DAY)
        (ledger.paths.reports / f"day-{day.key}.json").write_text(json.dumps({}))
    make_and_keep(settings, FIRST)
    assert len(kept(ledger.paths.reports, ReportKind.DAY)) == KEPT[ReportKind.DAY]
    assert kept(ledger.paths.reports, ReportKind.DAY)[0] == FIRST and picture.exists()


def test_a_second_bot_has_its_own_part(ledger: Ledger) -> None:
    other = Ledger(BotRef("alice").folder(ledger.paths.root))
    for which, end in ((ledger, "10005"), (other, "90")):
        which.day("2026-11-28", "10000" if which is ledger else "100")
        which.day("2026-11-29", end)
    report, _ = made(Settings(data_dir=ledger.paths.root), FIRST, FIRST.end_ms)
    assert [(bot.bot, bot.result) for bot in report.bots] == [("main", 5.0), ("alice", -10.0)]
    text = body(report).splitlines()
    assert text[0] == "main:" and "alice:" in text
    assert head(report).endswith("main +5.00 USD (+0.05 %); alice \u221210.00 USD (\u221210.00 %)")


def test_what_is_not_known_is_said_and_is_no_zero(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.prepare()
    report, picture = made(Settings(data_dir=paths.root), period_of("2026-W48"), FIRST.end_ms)
    assert picture is None and report.alerts is None
    (bot,) = report.bots
    known = {name for name in bot.__slots__ if getattr(bot, name) not in (None, [])}
    assert known == {"bot", "currency", "unknown"}
    assert head(report) == "Weekly report, week 48, 23 to 29 Nov 2026: main result not known"
    assert "0.00" not in body(report) and body(report).count("Not known: ") == 3
    assert replace(report, alerts=[]) != report and "No alert fired." in body(replace(report, alerts=[]))


def test_a_time_that_nobody_watched_is_no_quiet_time(ledger: Ledger) -> None:
    path, settings = ledger.paths.watch / "alerts.db", Settings(data_dir=ledger.paths.root)
    ledger.paths.watch.mkdir(mode=0o700, exist_ok=True)
    store = AlertStore(path)

    def told(watched: dict[str, int] | None) -> str:
        store.save(facts={WATCHED_FACT: json.dumps(watched).encode() if watched is not None else b"x"})
        return body(made(settings, FIRST, FIRST.end_ms)[0])

    assert "fired in" not in told({FIRST.key: DAY_MS - 59_000}) and "No alert fired." in told({FIRST.key: DAY_MS})
    assert "fired in the 6 h 0 min in which nobody watched" in told({FIRST.key: 18 * 3_600_000})
    assert "fired in the 1 d 0 h in which nobody watched" in told({})
    assert "for how long COIN-WATCH was off" in told(None)
    store.close()
