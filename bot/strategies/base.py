"""What a strategy is: closed bars in, a signal or a target weight for each of them out.

One function, `compute`, serves the live bot (over the window that it keeps) and research (over years). The result
at bar i may depend on bars up to i only; `./coin check-strategy` looks for breaches. numpy is imported by whoever
computes, never by this module, so that a bot whose strategy needs no arrays stays small.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from bot.domain import targets
from bot.domain.targets import SignalSide
from bot.rules.codes import SIGNAL_BUY, SIGNAL_FLAT, SIGNAL_SELL
from bot.strategies import arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bot.strategies.score import ModelView
    from shared.settings import Settings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


Call = SignalSide  # the name by which strategies and their tests know it
CALLS: Mapping[int, Call] = {SIGNAL_BUY: Call.BUY, SIGNAL_SELL: Call.SELL, SIGNAL_FLAT: Call.FLAT}


# Rows of other products by product, each with its tick.
PeerRows = Mapping[str, tuple[Sequence[Sequence[float]], float]]
NO_PEERS: PeerRows = {}


class StrategyError(Exception):
    """A strategy broke its contract; the message says how."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Closed bars of one product, oldest first, as arrays of one length.

    `start_s`: the bar's open time, whole seconds since 1970. Prices in quote currency, volume in base units.
    `price_increment`: the product's tick. `granularity_s`: length of a bar. Missing bars stay missing.
    `peers`: bars of the other products that are traded, by product, for a strategy that `needs_peers`; none of them
    opens after the newest bar here, and one that is not known is not among them.
    """

    start_s: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    price_increment: float
    granularity_s: int
    peers: Mapping[str, Bars] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start_s)

    def between(self, first: int, end: int) -> Bars:
        """Bars first..end-1, without copying."""
        cut = slice(first, end)
        return Bars(
            self.start_s[cut],
            self.open[cut],
            self.high[cut],
            self.low[cut],
            self.close[cut],
            self.volume[cut],
            self.price_increment,
            self.granularity_s,
            self._peers_of(first, end) if self.peers else {},
        )

    def _peers_of(self, first: int, end: int) -> Mapping[str, Bars]:
        """The peers' bars of the same time as bars first..end-1; peers without any are left out."""
        shown = self.start_s[first:end]
        if not len(shown):
            return {}
        return {name: cut for name, one in self.peers.items() if len(cut := one.opened(shown[0], shown[-1]))}

    def opened(self, since_s: int, until_s: int) -> Bars:
        """The bars that open from `since_s` to `until_s`, both included, without copying."""
        np = arrays.numpy()
        return self.between(
            int(np.searchsorted(self.start_s, since_s)), int(np.searchsorted(self.start_s, until_s, side="right"))
        )

    def with_peers(self, peers: Mapping[str, Bars]) -> Bars:
        """The same bars beside those of other products, as far as these open no later than the newest here."""
        return replace(self, peers=peers).between(0, len(self))

    def tail(self, count: int) -> Bars:
        """The newest `count` bars, without copying."""
        return self.between(max(len(self) - count, 0), len(self))

    @property
    def close_ticks(self) -> Ints:
        """Closes in whole ticks. Sums over them are exact, so a tie of two averages is a tie on every machine."""
        np = arrays.numpy()
        ticks: Ints = np.rint(self.close / self.price_increment).astype(np.int64)
        return ticks

    @staticmethod
    def from_rows(
        rows: Iterable[Sequence[float]], price_increment: float, granularity_s: int, peers: PeerRows = NO_PEERS
    ) -> Bars:
        """From rows of (start_s, open, high, low, close, volume), oldest first; `peers`: such rows of other products,
        with their ticks."""
        np = arrays.numpy()
        table = np.array([tuple(row) for row in rows], dtype=np.float64).reshape(-1, 6)
        start, open_, high, low, close, volume = (np.ascontiguousarray(table[:, i]) for i in range(6))
        made = Bars(start.astype(np.int64), open_, high, low, close, volume, price_increment, granularity_s)
        others = {name: Bars.from_rows(found, step, granularity_s) for name, (found, step) in peers.items() if found}
        return made.with_peers(others) if others else made


@dataclass(frozen=True, slots=True)
class SignalArrays:
    """One entry per bar. `signal`: 1 BUY, -1 SELL, 0 FLAT. `strength`: probability or the strategy's own measure,
    NaN where there is none. `values`: what else a person wants to see, by name. `size`: 0..1, what an entry's size is
    multiplied by; None = 1 everywhere."""

    signal: NDArray[np.int8]
    strength: Floats
    values: Mapping[str, Floats] = field(default_factory=dict)
    size: Floats | None = None


@dataclass(frozen=True, slots=True)
class ExposureArrays:
    """One entry per bar. `weight`: 0..1 of what the product may hold, NaN = no opinion: keep what is held.
    `values`: what else a person wants to see, by name."""

    weight: Floats
    values: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signal:
    """The newest bar's signal. `strength` None = not known; unknown `values` are left out."""

    call: Call
    strength: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    bar_start_s: int | None = None  # the bar that it was decided on
    size: float = 1.0  # 0..1, what an entry's size is multiplied by

    @property
    def code(self) -> int:
        """The rulebook's number: 1, -1 or 0."""
        return next(code for code, call in CALLS.items() if call is self.call)


@dataclass(frozen=True, slots=True)
class StrategyNotice:
    """What a person must be told of a strategy that goes on: an alert's code (`shared.documents.events`), and words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For a strategy without settings of its own."""


class Strategy(ABC):
    """Derive from this, give `warmup_bars` and `compute`; options are a frozen dataclass (`bot.strategies.options`).

    One object serves one product: it may carry what it learned from it. `name` is given by the registry: a built-in
    one's name, or a user's file name without .py.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""  # one sentence for a list of strategies
    options_type: ClassVar[type[Any]] = NoOptions
    target_type: ClassVar[type[targets.Target]] = targets.Signal  # what the bot is asked to carry out
    # Settings of the bot that its own code reads beside its options, by their names in `Settings`.
    uses: ClassVar[tuple[str, ...]] = ()
    # Whether `compute` reads `bars.peers`: the closed bars of the other products that are traded.
    needs_peers: bool = False
    # Research sets it: a `compute` that takes seconds over a long history may tell (done, of how many).
    progress: Callable[[int, int], None] | None = None
    members: tuple[Strategy, ...] = ()  # of one that asks others; none for all the rest

    def __init__(self, settings: Settings, options: Any = None) -> None:
        self.settings = settings
        self.options = self.options_type() if options is None else options
        self.fits = 0  # how often a model was fitted, for the metrics

    @property
    def everyone(self) -> list[Strategy]:
        """All that it asks, however deep; itself where it asks nobody."""
        return [one for m in self.members for one in ([m, *m.everyone] if m.members else [m])] or [self]

    def anew(self) -> Strategy:
        """Another of the same kind and options that has seen no bar."""
        return type(self)(self.settings, self.options)

    @property
    @abstractmethod
    def warmup_bars(self) -> int:
        """Closed bars before the first signal can be anything but FLAT, that bar included."""

    @property
    def memory_bars(self) -> int:
        """How many of the newest bars decide the newest signal. The live bot hands over at least these.

        The whole window unless a strategy says less; less is faster, and makes live and research exactly equal.
        """
        return self.settings.max_history_candles

    @property
    def settings_used(self) -> tuple[str, ...]:
        """What the Strategy page shows beside the options: settings that decide nothing here are not among them."""
        whole_window = type(self).memory_bars is Strategy.memory_bars and "max_history_candles" not in self.uses
        return (*self.uses, "max_history_candles") if whole_window else self.uses

    @abstractmethod
    def compute(self, bars: Bars) -> SignalArrays | ExposureArrays:
        """Signals of all bars, vectorised; entry i from bars 0..i only. (Weights: `ExposureStrategy`.)"""

    def checked(self, bars: Bars) -> SignalArrays | ExposureArrays:
        """What `compute` says of all bars, checked. Raises StrategyError if the contract is broken."""
        return self.signals(bars)

    def signals(self, bars: Bars) -> SignalArrays:
        """`compute`, checked, and FLAT during warm-up. Raises StrategyError if the contract is broken."""
        result = self.compute(bars)
        if not isinstance(result, SignalArrays):
            raise StrategyError(f"{self.name}: compute must answer with SignalArrays; it is {type(result).__name__}")
        count = len(bars)
        self._one_each(count, {"signal": result.signal, "strength": result.strength, **result.values})
        if count and (result.signal.min() < SIGNAL_SELL or result.signal.max() > SIGNAL_BUY):
            raise StrategyError(f"{self.name}: signal must hold 1 (BUY), -1 (SELL) and 0 (FLAT) only")
        warm = min(max(self.warmup_bars - 1, 0), count)
        if result.signal[:warm].any():
            signal = result.signal.copy()
            signal[:warm] = SIGNAL_FLAT
            result = SignalArrays(signal, result.strength, result.values, result.size)
        return result

    def _one_each(self, count: int, arrays: Mapping[str, Any]) -> None:
        for label, array in arrays.items():
            if getattr(array, "shape", None) != (count,):
                found = getattr(array, "shape", type(array).__name__)
                raise StrategyError(
                    f"{self.name}: {label} must be an array of {count}, one entry per bar; it is {found}"
                )

    def lines(self, bars: Bars) -> Mapping[str, Floats]:
        """The values of `bars` for a chart: what `checked` says of them, or cheaper where a model would be fitted."""
        return self.checked(bars).values

    def latest(self, bars: Bars) -> Signal:
        """The newest bar's signal; FLAT before warm-up. The same function as over history, on the newest bars."""
        if len(bars) < max(self.warmup_bars, 1):
            return Signal(Call.FLAT, bar_start_s=int(bars.start_s[-1]) if len(bars) else None)
        bars = bars.tail(max(self.memory_bars, self.warmup_bars))
        return self.newest(bars, self.signals(bars))

    @staticmethod
    def newest(bars: Bars, arrays: SignalArrays) -> Signal:
        """The last entry of `arrays` as a signal."""
        strength = float(arrays.strength[-1])
        values = {label: float(array[-1]) for label, array in arrays.values.items()}
        return Signal(
            CALLS[int(arrays.signal[-1])],
            strength if math.isfinite(strength) else None,
            {label: value for label, value in values.items() if math.isfinite(value)},
            int(bars.start_s[-1]),
        )

    def latest_of(self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int) -> Signal:
        """`latest` of rows (start_s, open, high, low, close, volume), oldest first."""
        return self.latest(Bars.from_rows(rows, price_increment, granularity_s))

    def wanted_of(
        self,
        rows: Sequence[Sequence[float]],
        price_increment: float,
        granularity_s: int,
        peers: PeerRows = NO_PEERS,
    ) -> Signal | targets.Exposure:
        """What the strategy wants after the newest of such rows: what the bot asks. `peers`: where it needs them."""
        if peers:
            return self.latest(Bars.from_rows(rows, price_increment, granularity_s, peers))
        return self.latest_of(rows, price_increment, granularity_s)

    def lines_of(
        self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int
    ) -> list[Mapping[str, float]]:
        """`lines` of such rows, row by row; what is not known is left out."""
        bars = Bars.from_rows(rows, price_increment, granularity_s)
        found = {name: array.tolist() for name, array in self.lines(bars).items()}
        return [{name: array[i] for name, array in found.items() if math.isfinite(array[i])} for i in range(len(rows))]

    def model_view(self) -> ModelView | None:
        """The fitted model for the Strategy page; None = there is none (yet)."""
        return None

    def notice(self) -> StrategyNotice | None:
        """What a person must be told of after the newest answer; None = nothing."""
        return None

    def state(self) -> dict[str, Any]:
        """What must survive a restart, as plain JSON values; {} when there is nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most strategies have nothing to restore
        """Take up a `state()` of an earlier run; one that does not fit is ignored, not an error."""


class ExposureStrategy(Strategy):
    """A strategy that says how much a product should hold: derive from this, `compute` answers with weights.

    Warm-up bars are NaN: nothing is bought or sold for them.
    """

    target_type = targets.Exposure

    @abstractmethod
    def compute(self, bars: Bars) -> ExposureArrays:
        """Target weights of all bars, vectorised; entry i from bars 0..i only."""

    def checked(self, bars: Bars) -> ExposureArrays:
        return self.weights(bars)

    def weights(self, bars: Bars) -> ExposureArrays:
        """`compute`, checked, and NaN during warm-up. Raises StrategyError if the contract is broken."""
        np = arrays.numpy()
        result = self.compute(bars)
        if not isinstance(result, ExposureArrays):
            raise StrategyError(f"{self.name}: compute must answer with ExposureArrays; it is {type(result).__name__}")
        count = len(bars)
        self._one_each(count, {"weight": result.weight, **result.values})
        with np.errstate(invalid="ignore"):
            outside = (result.weight < 0.0) | (result.weight > 1.0)
        if outside.any():
            worst = float(result.weight[outside][0])
            raise StrategyError(f"{self.name}: weight must lie in 0..1, or be NaN for no opinion; one is {worst:g}")
        warm = min(max(self.warmup_bars - 1, 0), count)
        if not np.isnan(result.weight[:warm]).all():
            weight = result.weight.copy()
            weight[:warm] = math.nan
            result = ExposureArrays(weight, result.values)
        return result

    def wanted_of(
        self,
        rows: Sequence[Sequence[float]],
        price_increment: float,
        granularity_s: int,
        peers: PeerRows = NO_PEERS,
    ) -> targets.Exposure:
        """The newest bar's weight; NaN before warm-up. The same function as over history, on the newest bars."""
        bars = Bars.from_rows(rows, price_increment, granularity_s, peers)
        if len(bars) < max(self.warmup_bars, 1):
            return targets.Exposure(math.nan, {})
        found = self.weights(bars.tail(max(self.memory_bars, self.warmup_bars)))
        values = {label: float(array[-1]) for label, array in found.values.items()}
        known = {label: value for label, value in values.items() if math.isfinite(value)}
        return targets.Exposure(float(found.weight[-1]), known)
