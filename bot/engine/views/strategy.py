"""The strategy, what it says of each product's newest closed bar, and how often its models were fitted."""

import math

from bot.domain.kinds import Side
from bot.engine.execution import questions
from bot.engine.ports import StrategyPort
from bot.engine.risk import target_weight
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.views.times import iso
from shared.documents.strategy import SignalDoc, StrategyDoc, TargetDoc
from shared.regimes import REGIME_SIZE, REGIME_VALUE, regime_name


class StrategyView:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    @property
    def port(self) -> StrategyPort:
        """The strategy that the engine was given."""
        return self._state.strategy

    @property
    def answer_limit_s(self) -> float:
        """How long its answer may take, seconds."""
        return questions.limit_s(self._state)

    @property
    def answers_missed(self) -> int:
        """Bars without a decision since the ledger began: its answer came too late or never."""
        return self._state.records.totals.get(questions.MISSED, 0)

    @property
    def silent(self) -> list[str]:
        """Products whose question has waited for longer than that."""
        return [
            name for name, market in self._state.markets.by_product.items() if questions.overdue(self._state, market)
        ]

    @property
    def model_mode(self) -> str | None:
        return self._state.strategy.model_mode

    @property
    def fits(self) -> int:
        """How often a model was fitted in this run."""
        return self._state.strategy.fits()

    def document(self) -> StrategyDoc:
        return strategy(self._state)


def _target(state: EngineState, market: Market) -> TargetDoc:
    band, wanted, held = (
        state.settings.exposure_band_pct,
        market.target_weight,
        target_weight.held_weight(state, market),
    )
    job = state.positions.rebalances.get(market.instrument.product_id)
    waits = None
    if job is None:
        change = target_weight.change_quote(state, market, band)
        waits = target_weight.no_target(state, market) or ("it is within its band" if change == 0.0 else None)
        if waits is None:
            waits = "the gates say why" if change > 0.0 else "nothing that may be sold now"
    return TargetDoc(
        target_pct=wanted * 100.0 if wanted is not None else None,
        held_pct=held * 100.0 if held is not None else None,
        band_pct=band,
        share_usd=target_weight.share_quote(state),
        job=None if job is None else "buys" if job.side is Side.BUY else "sells",
        job_since=iso(job.since_ms) if job is not None else None,
        waits=waits,
    )


def strategy(state: EngineState) -> StrategyDoc:
    """The strategy and what it says of each product's newest closed bar."""
    port = state.strategy
    signals = [
        SignalDoc(
            product_id=product_id,
            signal=market.signal,
            probability=market.probability,
            bar_at=iso(market.signal_bar_s * 1000) if market.signal_bar_s is not None else None,
            bars=len(market.bars),
            bars_needed=port.warmup_bars,
            regime=regime_name(market.values.get(REGIME_VALUE)),
            regime_size=market.values.get(REGIME_SIZE),
            target=_target(state, market) if target_weight.is_asked_for(state) else None,
            values={key: value for key, value in market.values.items() if math.isfinite(value)},
        )
        for product_id, market in state.markets.by_product.items()
    ]
    return StrategyDoc(
        name=port.name, granularity=state.settings.granularity, parameters=dict(port.parameters), signals=signals
    )
