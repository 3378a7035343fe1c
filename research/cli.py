"""The research commands of `./coin`. Heavy imports come when a command runs."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from research import terminal
from research.errors import ResearchError

if TYPE_CHECKING:
    from research.backtest import Backtest, Request

# ruff: noqa: PLC0415
PANEL = "Research"
NEEDED = ("numpy", "numba", "pyarrow")

Data = Annotated[list[str], typer.Option("--data", "-d", help="Candle set (./coin data list); several: one account.")]
Sets = Annotated[list[str] | None, typer.Option("--set", "-s", help="A setting, such as TAKE_PROFIT_PCT=2.5.")]
FillOption = Annotated[str, typer.Option(help="next_open, close, or ohlc (exits walk the bar, stop before take).")]
Maker = Annotated[float, typer.Option(help="Maker fee in percent.")]
Taker = Annotated[float, typer.Option(help="Taker fee in percent.")]
Spread = Annotated[float, typer.Option(help="Whole spread, basis points.")]
Slippage = Annotated[float, typer.Option(help="Slippage of each market order, basis points.")]
VolSlippage = Annotated[float, typer.Option(help="Slippage in standard deviations of a bar's return.")]
Impact = Annotated[float, typer.Option(help="Basis points for an order of a bar's whole volume; grows with the root.")]
Touched = Annotated[bool, typer.Option("--touched", help="Resting takes fill when touched, not only traded through.")]
Part = Annotated[float, typer.Option(help="Part of a bar's volume that a resting take may get; 0 = no bound.")]
Cash = Annotated[float, typer.Option(help="Cash at the start.")]
Since = Annotated[str | None, typer.Option(help="From this day on, YYYY-MM-DD (UTC).")]
Until = Annotated[str | None, typer.Option(help="Before this day, YYYY-MM-DD (UTC).")]
StyleOption = Annotated[str, typer.Option(help="lots (the bot), or flip: BUY all in, SELL all out.")]
EngineOption = Annotated[str, typer.Option("--engine", help="fast, plain (not compiled) or full (the bot's engine).")]
Seed = Annotated[int, typer.Option(help="Seed of everything drawn at random.")]


def register(app: typer.Typer) -> None:
    """Add the research commands to the command line."""
    from research import cli_data, cli_sweep

    app.add_typer(cli_data.app, name="data", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(backtest)
    app.add_typer(cli_data.runs_app, name="runs", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(cli_sweep.sweep)
    app.command(rich_help_panel=PANEL)(cli_sweep.walkforward)
    app.command("check-strategy", rich_help_panel=PANEL)(cli_sweep.check_strategy)
    app.command(rich_help_panel=PANEL)(cli_sweep.parity)


def guarded(work: Callable[[], Any]) -> Any:
    """Run `work`; what a person can mend is one line, and missing packages are named with the way to get them."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise terminal.give_up(
            f"Research needs packages that are not installed ({', '.join(missing)}).",
            ".venv/bin/python -m pip install --require-hashes --only-binary :all: -r requirements-research.txt",
        )
    try:
        return work()
    except ResearchError as error:
        raise terminal.give_up(str(error)) from error


def data_dir() -> Path:
    """DATA_DIR as the bot reads it. Raises ResearchError for settings that don't hold."""
    from shared.settings import SettingsError, load

    try:
        settings = load(environ={**os.environ, "COIN_MODE": "sim"}).settings
    except SettingsError as error:
        raise ResearchError("; ".join(error.problems)) from error
    return settings.paths.root


def pairs(texts: list[str] | None) -> dict[str, str]:
    """KEY=VALUE texts. Raises ResearchError."""
    out = {}
    for text in texts or []:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise ResearchError(f"{text}: written KEY=VALUE, such as TAKE_PROFIT_PCT=2.5")
        out[key.strip().upper()] = value.strip()
    return out


def day_s(text: str | None) -> int | None:
    """Seconds since 1970 of a day or an RFC 3339 time."""
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ResearchError(f"{text} is no day; written like 2024-01-31") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def market_model(
    fill: str, maker_pct: float, taker_pct: float, spread_bps: float, slippage_bps: float, vol_slippage: float,
    impact_bps: float, touched: bool, participation: float, cash: float,
) -> Any:  # fmt: skip
    """The assumptions about the market from the options. Raises ResearchError."""
    from research.engine import Fill, MarketModel

    if fill not in list(Fill):
        raise ResearchError(f"--fill {fill}: one of {', '.join(Fill)}")
    numbers = {"maker-pct": maker_pct, "taker-pct": taker_pct, "spread-bps": spread_bps, "slippage-bps": slippage_bps,
               "vol-slippage": vol_slippage, "impact-bps": impact_bps, "participation": participation}  # fmt: skip
    for name, value in numbers.items():
        if not 0 <= value <= (1 if name == "participation" else 10_000):
            raise ResearchError(f"--{name} {value:g} is out of range")
    if not 0 < cash <= 1e9:
        raise ResearchError(f"--cash {cash:g} is out of range")
    return MarketModel(
        fill=Fill(fill), maker_pct=maker_pct, taker_pct=taker_pct, spread_bps=spread_bps, slippage_bps=slippage_bps,
        volatility_slippage=vol_slippage, impact_bps=impact_bps, through=not touched, participation=participation,
        cash=cash,
    )  # fmt: skip


def backtest(
    data: Data,
    sets: Sets = None,
    fill: FillOption = "next_open",
    maker_pct: Maker = 0.50,
    taker_pct: Taker = 0.90,
    spread_bps: Spread = 0.0,
    slippage_bps: Slippage = 0.0,
    vol_slippage: VolSlippage = 0.0,
    impact_bps: Impact = 0.0,
    touched: Touched = False,
    participation: Part = 0.0,
    cash: Cash = 10_000.0,
    since: Since = None,
    until: Until = None,
    style: StyleOption = "lots",
    engine: EngineOption = "fast",
    seed: Seed = 0,
) -> None:
    """Trade history by the rulebook: table here, and report.html, trades.csv and run.json beside it."""

    def work() -> None:
        from research.backtest import Engine, Request
        from research.engine import Style

        if style not in list(Style) or engine not in list(Engine):
            raise ResearchError(f"--style: one of {', '.join(Style)}; --engine: one of {', '.join(Engine)}")
        model = market_model(
            fill, maker_pct, taker_pct, spread_bps, slippage_bps, vol_slippage, impact_bps, touched, participation, cash
        )
        run_and_show(
            Request(tuple(data), pairs(sets), model, Style(style), Engine(engine), day_s(since), day_s(until), seed)
        )

    guarded(work)


def run_and_show(request: "Request") -> None:
    """One backtest: run, keep, print."""
    from research import backtest as bt
    from research import runs

    folder = data_dir()
    done = bt.run(folder, request)
    kept = runs.keep(folder, done)
    show(done)
    terminal.say()
    for name in ("report.html", "trades.csv", "run.json"):
        terminal.say(f"  {kept.folder / name}")


def show(done: "Backtest") -> None:
    """The figures, and what they rest on."""
    from research.report.words import figure_text

    currency = done.result.prepared.candles[0].product_id.partition("-")[2]
    other = {figure.key: figure for figure in done.other_bound}
    rows = []
    for figure in done.figures:
        beside = figure_text(other[figure.key], currency) if figure.key in other else ""
        value = figure_text(figure, currency)
        rows.append((figure.title, value, beside if beside != value else ""))
    word = "touched" if done.request.model.through else "traded through"
    terminal.table(("", "", f"takes {word}" if other else ""), rows)
    terminal.say()
    for note in done.notes:
        terminal.say(f"  · {note}")
