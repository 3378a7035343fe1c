"""What the research commands share: their options, how they are read, and how a command ends that can't go on."""

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ParamSpec, get_type_hints

import typer

from research import compiled, terminal
from research.backtest import BacktestRequest, EngineKind
from research.engine import FillTiming, MarketModel, Style
from research.errors import Misused, ResearchError, WrongSettings
from shared.data_folder import FolderRefused
from shared.figures import exactly
from shared.settings import Profile, SettingsError, load

Sets = Annotated[list[str] | None, typer.Option("--set", "-s", help="A setting, such as TAKE_PROFIT_PCT=2.5.")]
Seed = Annotated[int, typer.Option(help="Seed of all random choices.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Grid = Annotated[list[str], typer.Option("--grid", "-g", help="An axis: KEY=1.0:3.0:0.1 or KEY=0.2,0.4,0.8.")]
Maximised = Annotated[
    str, typer.Option("--metric", help="What to maximise: sharpe, total_return, …; a sweep: several with commas.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Cores; 0 = all.")]
STYLES = (Style.LOTS, Style.FLIP)  # target weights are asked for by KIND, or by the strategy
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class MarketOptions:
    """Options of every command that trades history: the data, the settings, what is assumed of the market."""

    data: Annotated[
        list[str], typer.Option("--data", "-d", help="Candle set (./coin data list); several: one account.")
    ]
    sets: Sets = None
    as_profile: Annotated[
        str | None, typer.Option("--as", help="Defaults to start from: live (= prod), dev, canary or prod.")
    ] = None
    fill: Annotated[
        str, typer.Option(help="next_open, close, or ohlc (exits follow the bar's path, stop before take profit).")
    ] = "next_open"
    maker_pct: Annotated[float, typer.Option(help="Maker fee in percent.")] = 0.50
    taker_pct: Annotated[float, typer.Option(help="Taker fee in percent.")] = 0.90
    spread_bps: Annotated[float, typer.Option(help="Full bid-ask spread, basis points.")] = 0.0
    slippage_bps: Annotated[float, typer.Option(help="Slippage of each market order, basis points.")] = 0.0
    vol_slippage: Annotated[float, typer.Option(help="Slippage in standard deviations of a bar's return.")] = 0.0
    impact_bps: Annotated[
        float,
        typer.Option(
            help="Market impact in basis points of an order as large as the bar's volume; scales with the square root."
        ),
    ] = 0.0
    touched: Annotated[
        bool,
        typer.Option(
            "--touched", help="Resting take profits fill when the price touches them, not only when it trades through."
        ),
    ] = False
    participation: Annotated[
        float, typer.Option(help="Share of a bar's volume that a resting take profit may fill; 0 = no limit.")
    ] = 0.0
    cash: Annotated[float, typer.Option(help="Cash at the start.")] = 10_000.0
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD (UTC).")] = None
    until: Annotated[str | None, typer.Option(help="Before this day, YYYY-MM-DD (UTC).")] = None
    with_holdout: Annotated[
        bool, typer.Option("--with-holdout", help="Use the locked holdout too; the lab counts that as a look.")
    ] = False
    style: Annotated[str, typer.Option(help="lots (the bot), or flip: BUY all in, SELL all out.")] = "lots"
    seed: Seed = 0

    def request(self, engine: str = "fast") -> BacktestRequest:
        """As the backtest takes it. Raises ResearchError."""
        if self.style not in STYLES or engine not in list(EngineKind):
            raise Misused(f"--style: one of {', '.join(STYLES)}; --engine: one of {', '.join(EngineKind)}")
        since_s, until_s = day_s(self.since), day_s(self.until)
        return BacktestRequest(
            tuple(self.data), self.overrides(), self.market_model(), Style(self.style), EngineKind(engine), since_s,
            until_s, self.seed,
        )  # fmt: skip

    def overrides(self) -> dict[str, str]:
        """Settings by hand; the profile is one of them. Raises ResearchError."""
        given = pairs(self.sets)
        if self.as_profile is None:
            return given
        name = Profile.PROD if self.as_profile == "live" else self.as_profile
        if name not in list(Profile):
            raise Misused(f"--as {self.as_profile}: live, {', '.join(Profile)}")
        if given.get("PROFILE", name) != name:
            raise Misused(f"--as {self.as_profile} and --set PROFILE={given['PROFILE']} contradict each other")
        return {**given, "PROFILE": str(name)}

    def market_model(self) -> MarketModel:
        """The assumptions about the market. Raises ResearchError."""
        if self.fill not in list(FillTiming):
            raise Misused(f"--fill {self.fill}: one of {', '.join(FillTiming)}")
        for name in ("maker_pct", "taker_pct", "spread_bps", "slippage_bps", "vol_slippage", "impact_bps"):
            _within(name, getattr(self, name), 10_000)
        _within("participation", self.participation, 1)
        if not 0 < self.cash <= 1e9:
            raise Misused(f"--cash {exactly(self.cash)} is out of range")
        return MarketModel(
            fill=FillTiming(self.fill), maker_pct=self.maker_pct, taker_pct=self.taker_pct, spread_bps=self.spread_bps,
            slippage_bps=self.slippage_bps, volatility_slippage=self.vol_slippage, impact_bps=self.impact_bps,
            through=not self.touched, participation=self.participation, cash=self.cash,
        )  # fmt: skip


def _within(name: str, value: float, most: float) -> None:
    if not 0 <= value <= most:
        raise Misused(f"--{name.replace('_', '-')} {exactly(value)} is out of range")


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `asked: MarketOptions` stands for all of its options: typer sees each of them."""
    hints = get_type_hints(command, include_extras=True)
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "asked"]
    shared = get_type_hints(MarketOptions, include_extras=True)
    common = {one.name: (shared[one.name], one.default) for one in fields(MarketOptions)}
    mine = {one.name: (hints[one.name], MISSING if one.default is one.empty else one.default) for one in own}
    options = {"data": common["data"], **mine, **common}  # the data first, then what is the command's own

    @functools.wraps(command)
    def asked_for(**values: Any) -> None:
        given = {name: values.pop(name) for name in mine}
        command(asked=MarketOptions(**values), **given)

    del asked_for.__dict__["__wrapped__"]  # typer would look through to the command's own parameters
    kind = inspect.Parameter.KEYWORD_ONLY
    seen: Any = asked_for
    seen.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, kind, annotation=hint, default=inspect.Parameter.empty if at is MISSING else at)
            for name, (hint, at) in options.items()
        ]
    )
    seen.__annotations__ = {name: hint for name, (hint, _) in options.items()} | {"return": None}
    return asked_for


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """A command that says what a person can mend in one line, and what the compiler is doing."""

    @functools.wraps(command)
    def run(*given: P.args, **named: P.kwargs) -> None:
        compiled.announce = lambda text: terminal.say(f"  · {text}")
        try:
            command(*given, **named)
        except ResearchError as error:
            raise terminal.give_up(str(error), code=error.code) from error

    return run


def data_dir(*, only_read: bool = False) -> Path:
    """DATA_DIR as the bot reads it, made and found ours unless it is only read. Raises ResearchError for settings or
    a folder that don't hold."""
    try:
        settings = load(environ={**os.environ, "COIN_MODE": "sim"}).settings
    except SettingsError as error:
        raise WrongSettings("; ".join(error.problems)) from error
    if only_read:
        return settings.paths.root
    try:
        settings.paths.prepare()
    except FolderRefused as error:
        raise WrongSettings("; ".join((str(error), *error.ways))) from error
    except OSError as error:
        raise WrongSettings(f"DATA_DIR={settings.paths.root} can't be used: {error.strerror or error}") from error
    return settings.paths.root


def pairs(texts: list[str] | None) -> dict[str, str]:
    """KEY=VALUE texts. Raises ResearchError."""
    out = {}
    for text in texts or []:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise Misused(f"{text}: write KEY=VALUE, such as TAKE_PROFIT_PCT=2.5")
        out[key.strip().upper()] = value.strip()
    return out


def day_s(text: str | None) -> int | None:
    """Seconds since 1970 of a day or an RFC 3339 time."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Misused(f"{text} is not a day; write it like 2024-01-31") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
