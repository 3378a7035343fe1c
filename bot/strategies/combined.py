"""Several strategies as one (STRATEGIES): a vote or a weighted sum of signals, a median or a weighted mean of weights.

docs/trading-rules.md §11 says the rule. Each member keeps its own window and model; the bot asks each of them the way
it would be asked alone, and history takes what each says of all bars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bot.domain import targets
from bot.rules.signals import EQUAL_WITHIN, majority_side
from bot.strategies import arrays
from bot.strategies.base import (
    CALLS,
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
from shared.settings import Settings, SettingsError
from shared.strategy_names import COMBINED, parse_weights, parts

if TYPE_CHECKING:
    from bot.strategies.base import Floats


def combine(settings: Settings, members: Sequence[Strategy]) -> Strategy:
    """The members as one strategy. Raises SettingsError where they do not say the same kind of target."""
    kinds = {member.target_type for member in members}
    if len(kinds) > 1:
        said = ", ".join(f"{member.name} says {SAYS[member.target_type]}" for member in members)
        raise SettingsError([f"STRATEGIES combines strategies of one kind: {said}"])
    kind = CombinedWeights if kinds == {targets.Exposure} else CombinedSignals
    return kind(settings, tuple(members))


class _Together(AsksOthers):
    """What both kinds share: each member's part of the whole."""

    name = COMBINED

    def __init__(self, settings: Settings, members: tuple[Strategy, ...]) -> None:
        super().__init__(settings, members)
        names = tuple(member.name for member in members)
        weighted = settings.strategies_rule == "weight"
        self.parts = parts(names, parse_weights(settings.strategies_weights) if weighted else {})

    @property
    def settings_used(self) -> tuple[str, ...]:
        own = ("strategies", "strategies_rule", "strategies_majority")
        weights = ("strategies_weights",) if self.settings.strategies_rule == "weight" else ()
        return tuple(dict.fromkeys([*own, *weights, *super().settings_used]))


class CombinedSignals(_Together):
    """BUY or SELL where more than STRATEGIES_MAJORITY of the members' votes or weight say so, and more than say the
    other."""

    summary = "Several strategies of signals as one, by vote or weight (STRATEGIES)."

    def compute(self, bars: Bars) -> SignalArrays:
        said = []
        for member in self.members:
            member.progress = self.progress
            said.append(member.signals(bars))
        signal, strength = self._counted([one.signal for one in said])
        by_member = dict(zip(self.members, said, strict=True))
        answers = {member.name: one.signal.astype("float64") for member, one in by_member.items()}
        values = answers | self.shown(lambda member: by_member[member].values)
        return SignalArrays(signal.astype("int8"), strength, values)

    def latest(self, bars: Bars) -> Signal:
        start_s = int(bars.start_s[-1]) if len(bars) else None
        return self._newest(len(bars), start_s, lambda member: member.latest(bars))

    def latest_of(self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int) -> Signal:
        start_s = int(rows[-1][0]) if rows else None
        return self._newest(len(rows), start_s, lambda m: m.latest_of(rows, price_increment, granularity_s))

    def _newest(self, count: int, start_s: int | None, ask: Callable[[Strategy], Signal]) -> Signal:
        if count < max(self.warmup_bars, 1):
            return Signal(Call.FLAT, bar_start_s=start_s)
        said = {member: ask(member) for member in self.members}
        self.count_fits()
        code, strength = self._counted([one.code for one in said.values()])
        answers = {member.name: float(one.code) for member, one in said.items()}
        values = answers | self.shown(lambda member: said[member].values)
        return Signal(CALLS[int(code)], float(strength), values, start_s)

    def _counted(self, signals: Sequence[Any]) -> tuple[Any, Any]:
        """(signal, part for BUY less part for SELL) of the members' signals: numbers, or whole arrays of them."""
        buy: Any = 0.0
        sell: Any = 0.0
        for signal, part in zip(signals, self.parts, strict=True):
            buy, sell = buy + part * (signal > 0), sell + part * (signal < 0)
        return majority_side(buy, sell, self.settings.strategies_majority), buy - sell


class CombinedWeights(_Together, ExposureStrategy):
    """The median of the members' weights (vote), or their mean by STRATEGIES_WEIGHTS; no opinion where not more than
    STRATEGIES_MAJORITY of them have one."""

    summary = "Several strategies of weights as one, by median or weighted mean (STRATEGIES)."

    def compute(self, bars: Bars) -> ExposureArrays:
        said = {member: member.checked(bars) for member in self.members}
        weights = [one.weight for one in said.values() if isinstance(one, ExposureArrays)]
        answers = {member.name: weight for member, weight in zip(self.members, weights, strict=True)}
        return ExposureArrays(self._of(weights), answers | self.shown(lambda member: said[member].values))

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
        weight = self._of([np.array([one.weight]) for one in said.values()])
        answers = {member.name: one.weight for member, one in said.items() if math.isfinite(one.weight)}
        return targets.Exposure(float(weight[0]), answers | self.shown(lambda member: said[member].values))

    def _of(self, weights: Sequence[Floats]) -> Floats:
        return mixed_weights(weights, self.parts, self.settings.strategies_rule, self.settings.strategies_majority)


def mixed_weights(weights: Sequence[Floats], shares: Sequence[float], rule: str, majority: float) -> Floats:
    """One weight per bar of the members' own, each 0..1 or NaN for no opinion (docs/trading-rules.md §11).

    `shares`: the members' parts of the whole. Rule vote: the median; weight: the mean by parts. The same bits for one
    bar as for a year of them.
    """
    np = arrays.numpy()
    known = [~np.isnan(weight) for weight in weights]
    heard = _sum(known, shares)
    if rule == "vote":
        mixed = _median(np.stack(weights))
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            mixed = _sum([np.where(k, w, 0.0) for k, w in zip(known, weights, strict=True)], shares) / heard
    found: Floats = np.where(heard > majority + EQUAL_WITHIN, np.minimum(mixed, 1.0), math.nan)
    return found


def _sum(columns: Sequence[Any], shares: Sequence[float]) -> Any:
    """By the members' parts, one after the other: a sum in another order may differ in its last digit."""
    total: Any = 0.0
    for column, part in zip(columns, shares, strict=True):
        total = total + part * column
    return total


def _median(table: Floats) -> Floats:
    """Of each column's known values; NaN where there is none."""
    np = arrays.numpy()
    rising = np.sort(table, axis=0)  # NaN last
    count = (~np.isnan(table)).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    at = np.arange(table.shape[1])
    found: Floats = (rising[low, at] + rising[np.minimum(high, len(table) - 1), at]) / 2.0
    return found
