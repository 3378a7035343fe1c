"""Views with figures: performance, gates, tracks, lots."""

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.overview import view as overview
from dashboard.pages.risk import view as risk
from dashboard.rows import LedgerClosedLot, LedgerDay
from dashboard.views import equity, gates, performance, positions, ratios, results, track, trades
from dashboard.views.results import OpenLotRow
from dashboard.views.snapshot import Snapshot
from shared.documents.events import EventDoc
from shared.documents.risk import GateDoc, GateVerdict, LimitDoc, ProductGatesDoc, RiskDoc
from shared.market_data import EquityRow
from shared.presence import Presence
from tests.dashboard.writer import Writer

NOW = datetime(2026, 11, 20, 13, 47, 26, tzinfo=UTC)


def lot(
    pnl: str, day: int = 20, product: str = "BTC-USD", kind: str = "scalp", reason: str = "take"
) -> LedgerClosedLot:
    closed = datetime(2026, 11, day, 12, tzinfo=UTC)
    ms = int(closed.timestamp() * 1000)
    return LedgerClosedLot(
        lot_id=f"ct-{pnl}-{day}",
        seq=1,
        product_id=product,
        kind=kind,
        opened_ms=ms - 3_600_000,
        closed_ms=ms,
        open_price=Decimal("100"),
        base_bought=Decimal("1"),
        cost=Decimal("100"),
        entry_fee=Decimal("0.9"),
        exit_fee=Decimal("0.5"),
        proceeds=Decimal("100") + Decimal(pnl) + Decimal("1.4"),
        realized_pnl=Decimal(pnl),
        exit_reason=reason,
    )


def opened(pnl: float | None, product: str = "BTC-USD") -> OpenLotRow:
    return OpenLotRow(f"o{pnl}", product, "scalp", 0, 100.0, None, "1", 100.0, 0.9, pnl, "")


def headline(rows: list[LedgerClosedLot], *held: OpenLotRow) -> results.Headline:
    return results.Headline(results.closed(rows), results.OpenTotals(held), 9.0)


def notes(*curve: float | None) -> list[EquityRow]:
    return [EquityRow(86_400 * i, 1000, 1000, 0, 0, c, None) for i, c in enumerate(curve)]


def shown(head: results.Headline, *curve: float | None) -> dict[str, str]:
    every = [*performance.headlines(head), *performance.figures(head, notes(*curve), None)]
    return {figure.name: figure.value for figure in every}


def test_figures_over_a_few_lots() -> None:
    rows = [lot("10", 18), lot("-4", 19), lot("6", 19), lot("-2", 20)]
    curve = (1.0, 1.01, 1.01 * 1.002, 1.01 * 1.002 * 0.998)
    found = shown(headline(rows), *curve)
    assert (found["Total"], found["Realised"], found["Open"], found["Fees"]) == ("+10.00", "+10.00", "0.00", "9.00")
    assert found["Round trips"] == "4"
    assert found["Win rate"] == "50.0\u00a0%"
    assert found["Profit factor"] == "2.67"  # 16 / 6
    assert found["Expectancy"] == "+2.50"
    returns = [0.01, 0.002, -0.002]
    mean = sum(returns) / 3
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / 2)
    assert ratios.daily_returns(notes(*curve)) == pytest.approx(returns)
    assert ratios.daily_returns(notes(None, *curve)) == pytest.approx(returns), "an older version noted no curve"
    assert found["Sharpe"] == f"{mean / deviation * math.sqrt(365):.2f}"
    assert found["Sortino"] == f"{mean / math.sqrt(0.002**2 / 3) * math.sqrt(365):.2f}"
    assert found["Return"] == f"+{100 * (curve[-1] - 1):.2f}\u00a0%"


def test_open_lots_stand_in_every_headline() -> None:
    rows = [lot("10", 18), lot("-4", 19)]
    head = headline(rows, opened(-50.0), opened(2.0))
    found = shown(head)
    assert (found["Total"], found["Realised"], found["Open"]) == ("−42.00", "+6.00", "−48.00")
    assert (found["Win rate"], found["Profit factor"]) == ("50.0\u00a0%", "0.22")  # 12 / 54
    assert found["Expectancy"] == "−10.50"
    assert head.won_say == "1 of 2 closed lots won; 2 open lots at −48.00"
    unknown = shown(headline(rows, opened(None)))
    assert [unknown[name] for name in ("Total", "Open", "Win rate", "Profit factor", "Expectancy")] == ["—"] * 5


def test_a_lot_that_was_booked_as_dust_is_no_round_trip_yet_its_fee_was_paid() -> None:
    dust = replace(lot("0"), proceeds=Decimal(0), exit_fee=Decimal(0))
    found = shown(headline([lot("10"), dust]))
    assert (found["Round trips"], found["Win rate"], found["Expectancy"]) == ("1", "100.0\u00a0%", "+10.00")
    (group,) = performance.group([lot("10"), dust], lambda row: row.kind)
    assert (group.lots, group.wins, group.win_pct) == (1, 1, 100.0) and group.fees == pytest.approx(2.3)


def test_what_cannot_be_said_yet_is_not_said() -> None:
    one = shown(headline([lot("5")]), 1.0)
    assert [one[n] for n in ("Sharpe", "Sortino", "Calmar", "Profit factor", "Max drawdown", "Return")] == ["—"] * 6
    none = shown(headline([]))
    assert none["Win rate"] == "—"
    assert none["Realised"] == "0.00"


def day(n: int, start: str, fees: str = "1", transfers: str = "0") -> LedgerDay:
    zero = Decimal(0)
    return LedgerDay(f"2026-11-{n:02d}", Decimal(start), zero, zero, Decimal(fees), Decimal(transfers), None)


def test_a_day_is_its_change_of_equity_without_what_was_paid_in(tmp_path: Path) -> None:
    days = [day(18, "1000"), day(19, "1500", transfers="520"), day(20, "1490", "3")]
    closed = performance.group([lot("10", 18), lot("4", 20)], performance.day_of)
    found = performance.by_day(closed, days, None)
    assert [(one.result, one.realised, one.open_change) for one in found[:2]] == [(500, 10, 490), (-530, 0, -530)]
    assert found[2].result is None and found[2].realised == 4, "the bot has not told how it stands"
    known = Writer(tmp_path).state().account
    assert known is not None
    account = replace(known, day="2026-11-20", day_pnl=-7.0)
    week = performance.by_period(performance.by_day(closed, days, account), "week")
    (one,) = week
    assert (one.key, one.result, one.realised, one.fees, one.transfers) == ("2026-W47", -37, 14, 5, 520)


def test_the_note_of_today_gives_way_to_now() -> None:
    before, rows = EquityRow(10, 1, 1, 0, 0, 1.0, 50.0), [EquityRow(100_000, 1, 1, 0, 0, 1.1, 3.0)]
    now = EquityRow(100_060, 1, 1, 0, 0, 1.2, 1.0)
    found = ratios.days_until_now(before, rows, now)
    assert [(row.at_s, row.curve, row.drawdown) for row in found] == [(10, 1.0, None), (100_060, 1.2, 3.0)]
    assert ratios.max_drawdown_pct(found) == 3.0, "one of before the range is none of it"


@given(st.lists(st.decimals(-1000, 1000, places=2), max_size=40))
def test_every_split_sums_to_the_whole(pnls: list[Decimal]) -> None:
    rows = [lot(str(p), 1 + i % 20, ("BTC-USD", "ETH-USD")[i % 2]) for i, p in enumerate(pnls)]
    total = float(sum(pnls))
    for key in (performance.day_of, lambda r: r.product_id):
        groups = performance.group(rows, key)
        assert sum(g.pnl for g in groups) == pytest.approx(total)
        assert sum(g.lots for g in groups) == sum(row.proceeds > 0 for row in rows)
    for bar in performance.bars(performance.group(rows, performance.day_of))[0]:
        assert -0.01 <= bar.y <= 100
        assert bar.y + bar.height <= 101


def test_the_week_is_the_iso_one() -> None:
    first = lot("1", 1)
    assert performance.week_of(performance.day_of(first)) == "2026-W44"


def test_csv_is_exact_and_runs_nothing_in_a_spreadsheet() -> None:
    text = trades.csv([lot("-4.10", reason="=cmd()"), lot("1", product='A",B')], [], {})
    rows = text.split("\r\n")
    assert rows[0] == trades.CSV_HEADER
    assert ",-4.10,'=cmd()" in rows[1]
    assert '"A"",B"' in rows[2]
    assert rows[3] == ""


def test_drawdown_is_from_the_running_peak() -> None:
    down = [None, 0.0, 10.0, 0.0, 12.5]  # the bot judged every second: deeper than the minutes show
    values = [100.0, 110.0, 99.0, 120.0, 108.0]
    rows = [EquityRow(60 * i, v, 0, 0, 0, v / 100, d) for i, (v, d) in enumerate(zip(values, down, strict=True))]
    assert equity.curve(rows).drawdown == [None, 0.0, -10.0, 0.0, -12.5]
    assert ratios.max_drawdown_pct(rows) == 12.5
    assert "largest drawdown 12.50" in equity.plot(rows)
    assert "drawdown" not in equity.plot([EquityRow(60 * i, v, 0, 0) for i, v in enumerate(values)]), "not known"
    assert "The first points" in equity.plot(rows[:1])
    assert "Not known yet" in equity.plot(None)


def test_one_day_is_the_utc_day_and_the_others_roll() -> None:
    assert equity.since("1d", NOW) == int(NOW.replace(hour=0, minute=0, second=0).timestamp())
    assert equity.since("1w", NOW) == int((NOW - timedelta(days=7)).timestamp())
    assert equity.since("all", NOW) == 0


@given(st.floats(-500, 500))
def test_the_track_never_leaves_its_box(pct: float) -> None:
    assert 0 <= track.x(pct) <= 100
    assert track.beyond(pct) == (pct < -2 or pct > 4.4)


@given(st.lists(st.floats(0, 1e9), max_size=50))
def test_a_path_has_a_point_for_each_value(values: list[float]) -> None:
    path = track.line_path(values)
    assert len(re.findall(r"[ML]", path)) == (len(values) if len(values) >= 2 else 0)
    assert "nan" not in path


def gate(name: str, verdict: GateVerdict, opens: str | None = None) -> GateDoc:
    return GateDoc(name=name, title=name, verdict=verdict, value="1", limit="2", opens=opens)


def snapshot(tmp_path_factory: pytest.TempPathFactory, scenario: str) -> Snapshot:
    state = Writer(tmp_path_factory.mktemp("w"), scenario).state()
    return Snapshot(datetime.now(UTC), Presence.FRESH, state, 0.2, 9.0, "sim", False)


def test_the_first_shut_gate_stops_and_the_rest_is_told_as_such(tmp_path_factory: pytest.TempPathFactory) -> None:
    s = snapshot(tmp_path_factory, "six")
    doc = ProductGatesDoc(
        product_id="BTC-USD",
        sentence="x",
        shut=2,
        gates=[
            gate("a", GateVerdict.OPEN),
            gate("b", GateVerdict.SHUT, "at 5"),
            gate("c", GateVerdict.OPEN),
            gate("d", GateVerdict.SHUT, "at 6"),
            gate("e", GateVerdict.UNKNOWN),
        ],
    )
    product = gates.product(doc, s)
    assert [g.state for g in product.gates] == ["open", "shut", "after", "also", "unk"]
    assert [g.opens for g in product.gates] == ["", "at 5", "", "", ""]
    assert [m.shape for m in product.strip] == ["open", "stop", "after", "also", "after"]
    assert (product.state, product.shut) == ("shut", 2)


def test_lots_sum_to_what_the_page_says(tmp_path_factory: pytest.TempPathFactory) -> None:
    s = snapshot(tmp_path_factory, "many")
    held = positions.held(s)
    assert held.lots == 200
    assert held.value == pytest.approx(sum(one.value or 0 for p in held.positions for one in p.lots))
    assert held.pnl == pytest.approx(sum(p.pnl or 0 for p in held.positions))
    assert held.sums == "agree"
    assert len({one.name for one in held.positions[0].lots}) == 20


def test_killed_lots_say_that_their_takes_are_cancelled(tmp_path_factory: pytest.TempPathFactory) -> None:
    s = snapshot(tmp_path_factory, "killed")
    held = positions.held(s)
    assert {one.take_state for p in held.positions for one in p.lots} == {"cancelled"}
    assert held.nearest is None
    assert gates.why(s).reason.startswith("Killed:")


@pytest.mark.parametrize(
    ("text", "level", "icon", "tone"),
    [
        ("ETH-USD runner closed at its trailing stop: -6.21", "info", "down", "bad"),
        ("ETH-USD scalp closed at its take: +4.61", "good", "up", "ok"),
        ("ETH-USD runner trails: stop 3645.81", "info", "run", "ink2"),
        ("ETH-USD runner sells 0.5 at market (trail)", "info", "run", "ink2"),
    ],
)
def test_an_exit_points_where_its_amount_does(text: str, level: str, icon: str, tone: str) -> None:
    doc = EventDoc(at="", at_ms=0, kind="exit", level=level, text=text, product_id="ETH-USD")
    shown = overview.event(doc)
    assert (shown.icon, shown.tone) == (icon, tone)
    assert "-6" not in shown.text


@pytest.mark.parametrize(
    ("value", "at_least", "used"),
    [
        (10.0, False, 40.0),
        (50.0, False, 100.0),
        (816.0, True, 3.1),
        (25.0, True, 100.0),
        (5.0, True, 100.0),
        (0.0, True, 100.0),
    ],
)
def test_how_much_of_a_limit_is_used_up(
    value: float, at_least: bool, used: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """816 USD offered where 25 must be is far from the limit, not all of it."""
    s = snapshot(tmp_path_factory, "six")
    doc = LimitDoc(name="depth", title="", value=value, limit=25.0, unit="USD", state="ok", at_least=at_least)
    assert s.state is not None
    (row,) = risk.limits(replace(s, state=replace(s.state, risk=RiskDoc(entries_blocked=None, limits=[doc])))) or []
    assert row.used_pct == used
