"""What the strategy sees, says and is set to."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDoc:
    """What a product should hold, and what is done for it; percentages of the product's share of equity."""

    target_pct: float | None = None  # None = the strategy has no opinion: what is held is kept
    held_pct: float | None = None  # None = not known
    band_pct: float  # nothing is traded within so many points of the target
    share_usd: float  # what the product may hold at most, quote units
    job: str | None = None  # buys, sells; None = nothing is done
    job_since: str | None = None
    waits: str | None = None  # why nothing is done, for a person; None = a job is at work


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDoc:
    product_id: str
    signal: str  # buy, sell, flat
    probability: float | None
    bar_at: str | None  # start of the bar it was decided on
    bars: int
    bars_needed: int
    values: dict[str, float]
    regime: str | None = None  # down-calm … up-wild (REGIME); None = off, or not known
    regime_size: float | None = None  # 0..1, what it makes of a size
    target: TargetDoc | None = None  # where products are held at target weights


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDoc:
    """How good a model's probabilities were, on bars that it had not seen; rates are fractions."""

    count: int  # predictions that were judged
    hit_rate: float
    base_rate: float  # share of bars that rose
    brier: float  # mean squared error; lower is better
    base_brier: float  # of saying the base rate each time
    log_loss: float
    bins: list[list[float]]  # [mean probability, share that rose, count], lowest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDoc:
    """One product's fitted model. `weights` belong to standardised features, so their sizes compare."""

    product_id: str
    features: list[str]
    weights: list[float]
    intercept: float
    rows: int  # that it was fitted on
    fitted_at: str | None
    fits: int
    score: ScoreDoc | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettingDoc:
    """One setting that the strategy reads, as a person writes it in .env."""

    key: str
    value: str
    default: str
    origin: str  # default, profile, .env, environment
    help: str
    own: bool  # STRATEGY_<NAME>_…: the strategy's own, no general one


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDoc:
    version: int = 1
    name: str
    granularity: str
    parameters: dict[str, str]
    signals: list[SignalDoc]
    settings: list[StrategySettingDoc] = field(default_factory=list)  # what `parameters` says, with its origin
    models: list[ModelDoc] = field(default_factory=list)  # none for a strategy of rules
    members: list[str] = field(default_factory=list)  # strategies that it asks; `values` has each one's answer by name
