"""The chosen strategy behind the engine's port: bars come in by `AskStrategy`, a target goes out by `TargetReady`."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from bot.app.shadow_models import shadows_of
from bot.app.strategy_settings import described
from bot.domain.events import TargetReady
from bot.domain.intents import AskStrategy
from bot.domain.targets import Exposure, Signal, StrategyFailure, Target
from bot.strategies import options, registry, target_kind
from bot.strategies.base import PeerRows, Strategy, StrategyNotice
from bot.strategies.base import Signal as StrategySignal
from bot.strategies.score import ModelView
from shared.documents.strategy import ModelDoc, ScoreDoc
from shared.market_data import CandleRow, IndicatorRow
from shared.settings import GRANULARITY_S, Settings
from shared.times import from_epoch_ms, iso_seconds

log = logging.getLogger("strategy")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What people see of one product's strategy after its last answer."""

    fits: int
    model: ModelDoc | None
    notice: StrategyNotice | None


class StrategyAdapter:
    """`bot.engine.ports.StrategyPort` over one instance of a strategy for each product."""

    def __init__(
        self, settings: Settings, kept: Mapping[str, str] | None = None, origins: Mapping[str, str] | None = None
    ) -> None:
        """`kept`: the ledger's key values, with each product's model under model:PRODUCT; `origins`: a key's source."""
        self._settings = settings
        self._kept = kept or {}
        self._granularity_s = GRANULARITY_S[settings.granularity]
        self._by_product: dict[str, Strategy] = {}
        self._shown: Mapping[str, _Shown] = {}  # by product; replaced as a whole, so that any thread may read it
        first = registry.chosen(settings)
        self._first = first
        self._spare: Strategy | None = first
        self.name = settings.strategy
        self.target_type = target_kind.target_type_of(settings, first)
        self.warmup_bars = first.warmup_bars
        self.needs_peers = first.needs_peers
        self._shadows = shadows_of(settings)
        asked = max(first.memory_bars, first.warmup_bars, self._shadows.memory_bars if self._shadows else 0)
        self.memory_bars = min(asked, settings.max_history_candles)
        # Which kind of model decides, for the metrics; a strategy of rules has none.
        self.model_mode: str | None = getattr(first, "model_mode", None) or None
        self.settings_read = described(settings.strategy, first, settings, origins or {})
        prefix = options.prefix(settings.strategy)
        self.members = [one.name for one in first.everyone if one is not first]
        self.parameters: Mapping[str, str] = {x.key.removeprefix(prefix): x.value for x in self.settings_read}

    def answer(self, question: AskStrategy) -> TargetReady:
        """In whatever thread, one question at a time: nothing else touches the strategies' objects."""
        product_id = question.instrument.product_id
        try:
            target, model, notice = self._asked(product_id, question)
        except BaseException as error:  # a user's own code may raise anything, and sys.exit() is no end of the bot
            return TargetReady(product_id, question.bar_start_s, StrategyFailure(self._failure(error)))
        if self._shadows is not None:
            self._shadows.answer(self.name, question, target, notice)
        return TargetReady(product_id, question.bar_start_s, target, model, notice)

    def _asked(self, product_id: str, question: AskStrategy) -> tuple[Target, str | None, str | None]:
        strategy = self._of(product_id)
        rows = question.bars[-max(strategy.memory_bars, strategy.warmup_bars) :]
        step, peers = float(question.instrument.price_increment), _peer_rows(question)
        wanted = strategy.wanted_of(rows, step, self._granularity_s, peers)
        notice = strategy.notice()
        self._shown = {
            **self._shown,
            product_id: _Shown(getattr(strategy, "fits", 0), self._model(strategy, product_id), notice),
        }
        return self._target(wanted), self._state(strategy), notice.text if notice is not None else None

    def _target(self, wanted: StrategySignal | Exposure) -> Target:
        if isinstance(wanted, Exposure):
            return wanted
        if self.target_type is Exposure:
            return target_kind.exposure_of_signal(wanted)
        # Only a model says a probability; other strategies' measures have no common scale.
        probability = wanted.strength if self.model_mode is not None else None
        return Signal(wanted.call, probability, wanted.values, wanted.size)

    def _failure(self, error: BaseException) -> str:
        return registry.failure(self._first, error)

    def lines(self, price_increment: float, rows: Sequence[CandleRow]) -> list[IndicatorRow]:
        """The indicators on bars of the past, for the chart; by an object of its own, so in any thread."""
        if self.needs_peers:
            return []  # what it says of one product depends on the others, whose bars a chart does not have
        strategy = self._first.anew()
        try:
            found = strategy.lines_of(rows, price_increment, self._granularity_s)
        except Exception as error:  # a user's own code: a chart without lines is no trouble for the bot
            log.warning("chart indicators: %s", registry.failure(strategy, error))
            return []
        return [IndicatorRow(row.start_s, dict(values)) for row, values in zip(rows, found, strict=True) if values]

    def _state(self, strategy: Strategy) -> str | None:
        try:
            state = strategy.state()
            return orjson.dumps(state).decode() if state else None
        except Exception as error:  # a user's own code: what it cannot tell is not kept, and trading goes on
            log.warning("model not saved: %s", registry.failure(strategy, error))
            return None

    def _model(self, strategy: Strategy, product_id: str) -> ModelDoc | None:
        """The fitted model, for the page. A user's own code may raise: then there is none to show."""
        try:
            view = strategy.model_view()
            return _model(product_id, view) if view is not None else None
        except Exception as error:
            log.debug("%s", registry.failure(strategy, error))
            return None

    def models(self) -> list[ModelDoc]:
        """The fitted model of each product, as it was after its last answer."""
        return [shown.model for shown in self._shown.values() if shown.model is not None]

    def notices(self) -> list[StrategyNotice]:
        """What a person must be told of, each once: what a product's last answer said, and what is known before one."""
        found = [shown.notice for shown in self._shown.values() if shown.notice is not None]
        if not self._shown and (known := self._first.notice()) is not None:
            found.append(known)
        return list(dict.fromkeys(found))

    def fits(self) -> int:
        return sum(shown.fits for shown in self._shown.values())

    def _restore(self, strategy: Strategy, kept: str) -> None:
        """What was kept may be of another strategy, or of its author's last version: then it begins anew."""
        try:
            strategy.restore(orjson.loads(kept))
        except Exception as error:
            log.warning("saved strategy state does not fit: %s", registry.failure(strategy, error))

    def _of(self, product_id: str) -> Strategy:
        strategy = self._by_product.get(product_id)
        if strategy is None:
            strategy, self._spare = self._spare or registry.chosen(self._settings), None
            self._by_product[product_id] = strategy
            kept = self._kept.get(f"model:{product_id}")
            if kept:
                self._restore(strategy, kept)
        return strategy


def _peer_rows(question: AskStrategy) -> PeerRows:
    return {one.instrument.product_id: (one.bars, float(one.instrument.price_increment)) for one in question.peers}


def _model(product_id: str, view: ModelView) -> ModelDoc:
    """Rounded: a page shows four digits, and every write of the state carries it."""
    score = view.score
    return ModelDoc(
        product_id=product_id,
        features=list(view.features),
        weights=[round(weight, 5) for weight in view.weights],
        intercept=round(view.intercept, 5),
        rows=view.rows,
        fitted_at=iso_seconds(from_epoch_ms(view.fitted_s * 1000)) if view.fitted_s is not None else None,
        fits=view.fits,
        score=None
        if score is None
        else ScoreDoc(
            count=score.count,
            hit_rate=round(score.hit_rate, 5),
            base_rate=round(score.base_rate, 5),
            brier=round(score.brier, 5),
            base_brier=round(score.base_brier, 5),
            log_loss=round(score.log_loss, 5),
            bins=[[round(p, 4), round(share, 4), count] for p, share, count in score.bins],
        ),
    )
