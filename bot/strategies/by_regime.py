"""A strategy that minds the regime of its market (REGIME): sizes by it, and another strategy where it says so.

docs/trading-rules.md §12. While a regime is not known nothing is entered, and a target weight is no opinion. What a
regime of size 0 does: a BUY is FLAT, so nothing is entered and what is held keeps its exits; a weight is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.domain import targets
from bot.rules.codes import SIGNAL_FLAT
from bot.strategies import arrays
from bot.strategies.base import (
    NO_PEERS,
    Bars,
    Call,
    ExposureArrays,
    ExposureStrategy,
    PeerRows,
    Signal,
    SignalArrays,
    Strategy,
)
from bot.strategies.members import SAYS, AsksOthers
from bot.strategies.regime_arrays import numbers_of, regimes, scales
from shared.regimes import REGIME_SIZE, REGIME_VALUE, REGIMES, parse_regime_strategies
from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    from bot.strategies.base import Floats
    from bot.strategies.regime_arrays import Codes

CLOSE = 4  # of a row (start_s, open, high, low, close, volume)
_ALWAYS = (
    "regime", "regime_trend_bars", "regime_trend_enter", "regime_trend_leave", "regime_vol_bars",
    "regime_vol_long_bars", "regime_wild_enter", "regime_wild_leave", "regime_scales", "regime_strategies",
)  # fmt: skip


def by_regime(settings: Settings, members: Sequence[Strategy]) -> Strategy:
    """The first of `members` decides, in the regimes of REGIME_STRATEGIES another one. Raises SettingsError where they
    do not say the same kind of target."""
    base, *others = members
    for other in others:
        if other.target_type is not base.target_type:
            says = SAYS[other.target_type]
            raise SettingsError([f"REGIME_STRATEGIES: {other.name} says {says}, which {base.name} does not"])
    kind = WeightsByRegime if base.target_type is targets.Exposure else SignalsByRegime
    return kind(settings, tuple(members))


class _ByRegime(AsksOthers):
    """What both kinds share: the regime of each bar, and who decides in it."""

    def __init__(self, settings: Settings, members: tuple[Strategy, ...]) -> None:
        super().__init__(settings, members)
        self.name = members[0].name  # type: ignore[misc]
        self.numbers = numbers_of(settings)
        chosen, names = parse_regime_strategies(settings.regime_strategies), [member.name for member in members]
        # By code; the last place is that of a regime that is not known.
        self.deciding = [*(names.index(chosen.get(state, names[0])) for state in REGIMES), 0]

    @property
    def warmup_bars(self) -> int:
        return max(super().warmup_bars, self.numbers.bars)

    @property
    def memory_bars(self) -> int:
        """Hysteresis remembers beyond its windows: all that the bot keeps is looked at."""
        return max(super().memory_bars, self.settings.max_history_candles)

    @property
    def settings_used(self) -> tuple[str, ...]:
        return (*_ALWAYS, *super().settings_used, "max_history_candles")

    @property
    def model_mode(self) -> str | None:
        """Of the one strategy; where several decide, their measures have no common scale."""
        return getattr(self.members[0], "model_mode", None) if len(self.members) == 1 else None

    def lines(self, bars: Bars) -> Mapping[str, Floats]:
        return {**super().lines(bars), **self._said(regimes(bars.close, self.numbers))}

    def lines_of(
        self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int
    ) -> list[Mapping[str, float]]:
        said = self._said(self._codes_of(rows))
        columns = {name: array.tolist() for name, array in said.items()}
        return [
            {**line, **{name: column[i] for name, column in columns.items() if math.isfinite(column[i])}}
            for i, line in enumerate(super().lines_of(rows, price_increment, granularity_s))
        ]

    def _codes_of(self, rows: Sequence[Sequence[float]]) -> Codes:
        return regimes(arrays.numpy().array([row[CLOSE] for row in rows], dtype=float), self.numbers)

    def _said(self, codes: Codes) -> dict[str, Floats]:
        """The regime as values; NaN where it is not known."""
        np = arrays.numpy()
        known = codes >= 0
        size = scales(codes, self.settings)
        return {REGIME_VALUE: np.where(known, codes, math.nan), REGIME_SIZE: np.where(known, size, math.nan)}

    def _pick(self, codes: Codes, columns: Sequence[Any]) -> Any:
        """Bar by bar of the member that decides."""
        np = arrays.numpy()
        return np.choose(np.array(self.deciding)[codes], list(columns))


class SignalsByRegime(_ByRegime):
    """Of signals: a BUY is sized, or FLAT where nothing is to be entered; a SELL stands."""

    def compute(self, bars: Bars) -> SignalArrays:
        np, said = arrays.numpy(), {}
        for member in self.members:
            member.progress = self.progress
            said[member] = member.signals(bars)
        codes = regimes(bars.close, self.numbers)
        size = scales(codes, self.settings)
        signal = self._pick(codes, [one.signal for one in said.values()])
        strength = self._pick(codes, [one.strength for one in said.values()])
        answers = {member.name: one.signal.astype(np.float64) for member, one in said.items()}
        values = self.shown(lambda member: said[member].values) | answers | self._said(codes)
        signal = np.where((signal > 0) & self._shut(codes, size), SIGNAL_FLAT, signal).astype(np.int8)
        return SignalArrays(signal, strength, values, size)

    def latest(self, bars: Bars) -> Signal:
        start_s = int(bars.start_s[-1]) if len(bars) else None
        bars = bars.tail(max(self.memory_bars, self.warmup_bars))
        return self._newest(len(bars), start_s, lambda: regimes(bars.close, self.numbers), lambda m: m.latest(bars))

    def latest_of(self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int) -> Signal:
        start_s = int(rows[-1][0]) if rows else None
        return self._newest(
            len(rows),
            start_s,
            lambda: self._codes_of(rows),
            lambda m: m.latest_of(rows, price_increment, granularity_s),
        )

    def _newest(
        self, count: int, start_s: int | None, code: Callable[[], Codes], ask: Callable[[Strategy], Signal]
    ) -> Signal:
        if count < max(self.warmup_bars, 1):
            return Signal(Call.FLAT, bar_start_s=start_s)
        codes = code()[-1:]
        said = {member: ask(member) for member in self.members}
        self.count_fits()
        size = scales(codes, self.settings)
        found = said[self.members[self.deciding[int(codes[0])]]]
        answers = {member.name: float(one.code) for member, one in said.items()}
        regime = {name: float(array[0]) for name, array in self._said(codes).items() if math.isfinite(array[0])}
        values = self.shown(lambda member: said[member].values) | answers | regime
        call = Call.FLAT if found.call is Call.BUY and bool(self._shut(codes, size)[0]) else found.call
        return replace(found, call=call, values=values, bar_start_s=start_s, size=float(size[0]))

    def _shut(self, codes: Codes, size: Floats) -> Any:
        """Where a BUY enters nothing; carried out as a weight, a size of 0 is one that may be sold for."""
        return (codes < 0) if self.settings.kind == "exposure" else (codes < 0) | (size == 0.0)


class WeightsByRegime(_ByRegime, ExposureStrategy):
    """Of weights: the weight of who decides, times the size."""

    def compute(self, bars: Bars) -> ExposureArrays:
        said = {member: member.checked(bars) for member in self.members}
        weights = [one.weight for one in said.values() if isinstance(one, ExposureArrays)]
        codes = regimes(bars.close, self.numbers)
        answers = {member.name: weight for member, weight in zip(self.members, weights, strict=True)}
        values = self.shown(lambda member: said[member].values) | answers | self._said(codes)
        return ExposureArrays(self._sized(codes, weights), values)

    def wanted_of(
        self,
        rows: Sequence[Sequence[float]],
        price_increment: float,
        granularity_s: int,
        peers: PeerRows = NO_PEERS,
    ) -> targets.Exposure:
        if len(rows) < max(self.warmup_bars, 1):
            return targets.Exposure(math.nan, {})
        np = arrays.numpy()
        found = [(m, m.wanted_of(rows, price_increment, granularity_s, peers)) for m in self.members]
        said = {member: one for member, one in found if isinstance(one, targets.Exposure)}
        self.count_fits()
        codes = self._codes_of(rows)[-1:]
        weight = self._sized(codes, [np.array([one.weight]) for one in said.values()])
        answers = {member.name: one.weight for member, one in said.items() if math.isfinite(one.weight)}
        regime = {name: float(array[0]) for name, array in self._said(codes).items() if math.isfinite(array[0])}
        values = self.shown(lambda member: said[member].values) | answers | regime
        return targets.Exposure(float(weight[0]), values)

    def _sized(self, codes: Codes, weights: Sequence[Floats]) -> Floats:
        np = arrays.numpy()
        sized: Floats = np.where(codes >= 0, self._pick(codes, weights) * scales(codes, self.settings), math.nan)
        return sized
