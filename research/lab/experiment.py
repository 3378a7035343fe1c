"""What the lab measures of a subject: the run on the data before the holdout, the same under worse terms, the one look.

Everything here runs the engine that trades; the arithmetic is in `statistics`, `overfitting` and `robustness`.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research import decisions, engine
from research import walkforward as wf
from research.backtest import settings_for
from research.data.candles import CandleSet
from research.engine import MarketModel, Prepared, RawResult, Style
from research.errors import ResearchError
from research.lab import robustness, statistics
from research.lab.judgement import HoldoutOutcome
from research.lab.subject import LabSubject
from research.metrics import summary
from research.metrics.chance import beta
from research.metrics.moments import moments
from research.metrics.returns import DAYS_PER_YEAR, Floats
from shared.settings import Settings

Progress = Callable[[int, int], None]
SHIFTS = 200  # permutations
BUDGET_S = 20.0  # for them; a slow loop is drawn less often, which the report says
CASH_STEPS = (1, 3, 10, 30, 100, 300, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class DailyRun:
    """Daily returns of a run and of holding, from UTC day `first_day`; `edge`: what holding does not explain."""

    first_day: int
    returns: Floats
    holding: Floats
    edge: Floats

    @property
    def ratio(self) -> float | None:
        """The Sharpe ratio beyond holding, a year."""
        found = moments(self.edge).sharpe
        return None if found is None else found * DAYS_PER_YEAR**0.5


def daily(result: RawResult) -> DailyRun:
    """The days of a run; nothing is explained by holding where nothing was traded."""
    returns, holding = summary.curve(result).by_day, summary.holding(result)[0]
    first_day = int((result.prepared.times[0] - 1) // 86_400)
    return DailyRun(first_day, returns, holding, summary.edge(returns, holding))


@dataclass(frozen=True, slots=True)
class LabRig:
    """The subject's bars and signals, or target weights, ready to be run under other terms."""

    settings: Settings
    prepared: Prepared
    said: tuple[NDArray[Any], ...]
    style: Style
    model: MarketModel

    @staticmethod
    def of(subject: LabSubject) -> "LabRig":
        """Raises ResearchError, SettingsError, StrategyError."""
        settings = settings_for(subject.request.overrides, subject.candles)
        prepared = engine.prepare(subject.candles)
        said = tuple(decisions.decide(settings, prepared, subject.request.style))
        return LabRig(settings, prepared, said, subject.request.style, subject.request.model)

    def run(self, said: decisions.Said | None = None, model: MarketModel | None = None) -> DailyRun:
        """The run with other signals or another market, where given."""
        calls, market = self.said if said is None else said, model or self.model
        return daily(decisions.carry_out(self.prepared, list(calls), self.settings, market, self.style))


@dataclass(frozen=True, slots=True)
class LabStress:
    """The same under worse terms. Ratios: Sharpe beyond holding, a year; None = not known.

    `bootstrap_p`, `permutation_p`: P(as good by luck); `permutations`: how many were drawn. `plateau`: of the
    neighbours. `capacity`: the account (quote currency) whose own impact eats the result, `largest`: the
    largest that was tried, `start`: the account's cash.
    """

    plain: float | None
    dear: float | None
    late: float | None
    bootstrap_p: float | None
    permutation_p: float | None
    permutations: int
    plateau: float | None
    neighbours: int
    regimes: tuple[robustness.RegimeFigures, ...]
    capacity: float | None
    largest: float
    start: float


def stress(rig: LabRig, plain: DailyRun, around: Sequence[Floats], seed: int, progress: Progress) -> LabStress:
    """Costs doubled, a bar late, other times, other settings (`around`: their edges), other sizes."""
    model = rig.model
    dear = dataclasses.replace(
        model, maker_pct=2 * model.maker_pct, taker_pct=2 * model.taker_pct, spread_bps=2 * model.spread_bps,
        slippage_bps=2 * model.slippage_bps, volatility_slippage=2 * model.volatility_slippage,
        impact_bps=2 * model.impact_bps,
    )  # fmt: skip
    late = [np.concatenate([np.zeros(1, dtype=one.dtype), one[:-1]]) for one in rig.said]
    drawn = _shifted(rig, seed, progress)
    near = np.array([moments(edge).sharpe or 0.0 for edge in around])
    own = moments(plain.edge).sharpe
    sizes, earned = _by_size(rig)
    return LabStress(
        plain.ratio, rig.run(model=dear).ratio, rig.run(late).ratio, statistics.bootstrap_p(plain.edge, seed),
        statistics.permutation_p(own, drawn) if own is not None and len(drawn) else None, len(drawn),
        robustness.plateau(own, near) if own is not None else None, len(near),
        robustness.regimes(plain.holding, plain.edge), robustness.capacity(sizes, earned),
        sizes[-1] if sizes else 0.0, model.cash,
    )  # fmt: skip


def _by_size(rig: LabRig) -> tuple[list[float], list[float]]:
    """(accounts, what each earns a day beyond holding) with the square-root law's impact, by the first product's bars.

    Rising, up to the largest whose money the loop can count.
    """
    impact = robustness.square_root_impact_bps(np.diff(np.log(rig.prepared.ticks[3][: int(rig.prepared.end[0])])))
    sizes: list[float] = []
    earned: list[float] = []
    for step in CASH_STEPS:
        size = rig.model.cash * step
        try:
            result = rig.run(model=dataclasses.replace(rig.model, cash=size, impact_bps=impact))
        except ResearchError:
            break
        sizes.append(size)
        earned.append(float(result.edge.mean()))
    return sizes, earned


def _shifted(rig: LabRig, seed: int, progress: Progress) -> Floats:
    """Ratios of the same signals at other times: each series turned round by a part of its length, drawn at random."""
    random, until, found = np.random.default_rng(seed), monotonic() + BUDGET_S, []
    for number in range(SHIFTS):
        part = random.uniform(0.02, 0.98)
        result = rig.run([np.roll(one, int(len(one) * part)) for one in rig.said])
        found.append(moments(result.edge).sharpe or 0.0)
        progress(number + 1, SHIFTS)
        if monotonic() > until:
            break
    return np.array(found)


def look(subject: LabSubject, training: DailyRun, whole: Sequence[CandleSet], from_s: int) -> HoldoutOutcome:
    """The subject on the holdout: signals know all bars before it, beta is that of training. Raises ResearchError."""
    end = max(int(one.start_s[-1]) + one.granularity_s for one in whole)
    step = wf.WalkForwardWindow(0, from_s, from_s, end)
    result = wf.test(list(whole), subject.request, {}, step)
    if result is None:
        raise ResearchError("the holdout has no bars")
    days = daily(result)
    explained = beta(training.returns, training.holding) if training.returns.any() else 0.0
    return HoldoutOutcome(days.returns - explained * days.holding, days.returns, days.holding, days.first_day)
