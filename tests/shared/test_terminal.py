"""Tables fit the terminal and never cut a number; figures have no exponent; colour only where somebody sees it."""

import io
import re
from typing import Any

import pytest

from shared import figures, terminal
from shared.terminal import CellKind, TextColumn, columns, table

RUNS = columns(("run", "data", "settings", "return", "drawdown", "Sharpe", "lots"), "ntt####")
RUN_ROWS = [
    ("20261129-135001-sma_cross", "BTC-USD_1m", "TAKE_PROFIT_PCT=2.5 EDGE_GATE=false", "−1,014.42 %", "12.30 %",
     "−0.52", "12,345"),
    ("20261129-140210-sma_cross", "BTC-USD_1m, ETH-USD_1m", "", "0.10 %", "0.30 %", "1.02", "7"),
]  # fmt: skip
SETS = columns(("name", "product", "bar", "bars", "first", "last", "missing", "hash"), "nn#####h")
SET_ROWS = [
    ("BTC-USD_1m", "BTC-USD", "1m", "1,358,764", "2024-01-01", "2026-11-29", "1,234", "0123456789abcdef0123"),
]
SWEEP = columns(("TAKE_PROFIT_PCT", "TRAIL_DISTANCE_PCT", "total_return", "max_drawdown", "sharpe", "lots"), "######")
SWEEP_ROWS = [("1.6", "0.4", "−12.34 %", "13.01 %", "−1.20", "1,204")]
TABLES = [(RUNS, RUN_ROWS), (SETS, SET_ROWS), (SWEEP, SWEEP_ROWS)]


@pytest.mark.parametrize("room", [40, 60, 70, 80, 100, 120, 200, None])
@pytest.mark.parametrize("number", range(len(TABLES)))
def test_every_number_and_name_is_whole_at_every_width(number: int, room: int | None) -> None:
    of, rows = TABLES[number]
    lines = table(of, rows, room)
    if room is not None:
        assert max(map(len, lines)) <= room
    text = "\n".join(lines)
    for row in rows:
        for column, cell in zip(of, row, strict=True):
            if column.kind in (CellKind.NUMBER, CellKind.NAME):
                assert re.search(rf"(?<!\S){re.escape(cell)}(?!\S)", text), f"{cell} is cut at {room}"
            elif column.kind is CellKind.TEXT:
                assert all(word in text for word in cell.split())


def test_at_eighty_columns_numbers_stand_under_each_other_and_hashes_give_way_first() -> None:
    lines = table(SETS, SET_ROWS, 80)
    assert len(lines) == 2 and "0123456" in lines[1] and "0123456789abcdef0123" not in lines[1]
    lines = table(RUNS, RUN_ROWS, 80)
    ends = [
        line.rfind(value) + len(value) for line, value in zip((lines[0], *lines[1:]), ("lots", "12,345"), strict=False)
    ]
    assert ends[0] == ends[1]
    assert any("settings: TAKE_PROFIT_PCT=2.5 EDGE_GATE=false" in line for line in lines)


def test_what_is_piped_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal.width() is None
    lines = table(RUNS, RUN_ROWS, terminal.width())
    assert len(lines) == 3 and "TAKE_PROFIT_PCT=2.5 EDGE_GATE=false" in lines[1]
    monkeypatch.setenv("COLUMNS", "80")
    assert terminal.width() == 80


def test_titles_wrap_where_their_columns_are_narrow() -> None:
    lines = table([TextColumn("a", CellKind.NAME), TextColumn("days ended by the loss limit")], [("x", "5")], 20)
    assert max(map(len, lines)) <= 20 and lines[-1].endswith("5")
    assert set(" ".join(lines[:-1]).split()) == {"a", "days", "ended", "by", "the", "loss", "limit"}
    assert "a" in lines[-2].split(), "a title stands just above its column"


@pytest.mark.parametrize("rows", [[], [("", "")]])
def test_an_empty_table_is_its_head(rows: Any) -> None:
    assert table(columns(("name", "value"), "t#"), rows, 80)[0].split() == ["name", "value"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_014_420.0, "1,014,420"), (1.01442e6, "1,014,420"), (1e12, "1,000,000,000,000"), (1.2e-7, "0.00000012"),
        (-1234.5678, "−1,234.57"), (0.0, "0"), (0.1 + 0.2, "0.3"), (150.0, "150"), (1e-13, "0"), (None, "—"),
        (float("nan"), "—"), (float("inf"), "∞"), (float("-inf"), "−∞"),
    ],
)  # fmt: skip
def test_trimmed(value: float | None, text: str) -> None:
    assert figures.trimmed(value) == text


@pytest.mark.parametrize("value", [10.0**n * sign for n in range(-11, 16) for sign in (1, -1, 1.23456789)])
def test_no_figure_ever_has_an_exponent(value: float) -> None:
    for text in (figures.trimmed(value), figures.number(value), figures.percent(value), figures.money(value),
                 figures.exactly(value)):  # fmt: skip
        assert "e" not in text.lower(), text
    assert float(figures.exactly(value)) == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_a_zero_has_no_sign() -> None:
    assert figures.number(-0.001) == "0.00" and figures.percent(-0.000001, signed=True) == "0.00 %"
    assert figures.number(5, signed=True) == "+5.00" and figures.money(-5) == "−5.00 USD"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_where_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal.paint("x", "red", "bold", stream=Screen()) == "\x1b[31;1mx\x1b[0m"
    assert terminal.paint("x", "red", stream=io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.paint("x", "red", stream=Screen()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.paint("x", "red", stream=Screen()) == "x"
