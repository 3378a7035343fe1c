"""Asking the strategy: one question for each product and closed bar, and what becomes of its answer.

The answer comes as an event, since a model may take longer than the loop may stand still. Until it is there the
signal gate is shut, whatever the bar before said; exits never wait for it. A question that a newer bar overtakes has
no answer any more: that bar gets no decision, and is counted.
"""

from bot.domain import events as ev
from bot.domain.intents import AskStrategy, PeerBars
from bot.domain.targets import Signal, SignalSide, StrategyFailure
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market, Question
from bot.rules.codes import SIGNAL_FLAT, SIGNAL_SELL
from shared.settings import GRANULARITY_S

MISSED = "decisions_missed"  # bars that a newer one overtook before the strategy had answered
BAR_LATE_S = 60  # what a bar said holds until the end of the next one and this much longer
PEER_WAIT_S = 20.0  # how long the question about a bar waits for the same bar of other products
ANSWER_LIMIT_S = 10.0  # where no watchdog says how long the process may stand still


def ask(state: EngineState, market: Market) -> None:
    """A bar closed: ask what the strategy makes of it. Once for each product and closed bar."""
    bar, waiting = market.bars[-1], market.question
    asked_s = waiting.bar_start_s if waiting is not None else market.signal_bar_s
    if asked_s == bar.start_s or state.control.safe is not None:
        return  # in SAFE nothing is entered, and a strategy that hung must not hang once more
    if waiting is not None and waiting.counts:
        state.count(MISSED)
    since_ms = waiting.since_ms if waiting is not None else state.clock.now_ms
    told = waiting is not None and waiting.told
    market.question = Question(bar.start_s, since_ms, counts=state.control.ready, told=told)
    peers = _peers(state, market) if state.strategy.needs_peers else ()
    state.emit(AskStrategy(market.instrument, market.newest_bars(state.strategy.memory_bars), peers))


def ask_when_all_closed(state: EngineState) -> None:
    """For a strategy that compares products: ask about each of them once the others' bars of the same time are there.

    They come one after the other, and a rank among some of them would be another one a moment later. A product whose
    bar does not come (nothing was traded, or it is halted) is waited for PEER_WAIT_S.
    """
    markets = list(state.markets.by_product.values())
    for market in markets:
        if not market.bars:
            continue
        start_s = market.bars[-1].start_s
        complete = all(other.bars and other.bars[-1].start_s >= start_s for other in markets)
        waited = state.control.ready and state.clock.now_ms - market.bars_ms >= PEER_WAIT_S * 1000
        if complete or waited:
            ask(state, market)


def _peers(state: EngineState, market: Market) -> tuple[PeerBars, ...]:
    """The other products' bars, no newer than this one's; those without any are left out."""
    until_s, found = market.bars[-1].start_s, []
    for other in state.markets.by_product.values():
        bars = tuple(bar for bar in other.newest_bars(state.strategy.memory_bars + 1) if bar.start_s <= until_s)
        if other is not market and bars:
            found.append(PeerBars(other.instrument, bars))
    return tuple(found)


def answered(state: EngineState, market: Market, event: ev.TargetReady) -> bool:
    """Take the answer; False = it is of a bar that is overtaken, and decides nothing."""
    question = market.question
    if question is None:
        return False
    if question.told:
        state.note("strategy", f"{event.product_id}: the strategy answers again", "good", event.product_id)
    if question.bar_start_s != event.bar_start_s:
        question.since_ms, question.told = state.clock.now_ms, False  # slow, but it does answer
        return False
    market.question = None
    if isinstance(event.target, StrategyFailure):
        # A strategy that raises says nothing: no entry comes of it, exits go on.
        market.target = None
        _tell(state, market, event.target.text)
    else:
        market.target = event.target
        _tell(state, market, event.notice)
    _keep_model(state, event)
    market.signal_bar_s = event.bar_start_s
    if question.counts:
        state.count("decisions")
        state.count(f"signal_{market.signal}")
    return True


def _tell(state: EngineState, market: Market, problem: str | None) -> None:
    """A line when the strategy fails or falls silent, not one for each bar."""
    if problem is not None and problem != market.strategy_error:
        state.note("strategy", problem, "bad", market.instrument.product_id)
    market.strategy_error = problem


def _keep_model(state: EngineState, event: ev.TargetReady) -> None:
    """A fitted model survives a restart."""
    key = f"model:{event.product_id}"
    if event.model is not None and state.records.key_values.get(key) != event.model:
        state.save_value(key, event.model)


def tick(state: EngineState) -> None:
    """Say once that a strategy does not answer; ask what still waited for other products' bars."""
    if state.strategy.needs_peers:
        ask_when_all_closed(state)
    for product_id, market in state.markets.by_product.items():
        question = market.question
        if question is None or question.told or not overdue(state, market):
            continue
        question.told = True
        text = f"{product_id}: the strategy has not answered for {limit_s(state):.0f} s; no entry until it does"
        state.note("strategy", text, "bad", product_id)


def overdue(state: EngineState, market: Market) -> bool:
    """Whether the strategy has been silent for longer than the process itself might be."""
    return market.question is not None and waited_s(state, market) >= limit_s(state)


def waited_s(state: EngineState, market: Market) -> float:
    """Seconds since the oldest question that has no answer; 0 where none waits."""
    question = market.question
    return max(state.clock.now_ms - question.since_ms, 0) / 1000 if question is not None else 0.0


def limit_s(state: EngineState) -> float:
    return state.settings.watchdog_sec or ANSWER_LIMIT_S


def late_s(state: EngineState, market: Market) -> float:
    """How late the bar after the newest known one is. What an old bar said is no signal for the price of now."""
    if not market.bars:
        return 0.0
    due_s = market.bars[-1].start_s + 2 * GRANULARITY_S[state.settings.granularity]
    return (state.clock.now_ms + (state.clock.offset_ms or 0)) / 1000 - due_s


def sell_signal(state: EngineState, market: Market) -> int:
    """SIGNAL_SELL while the newest closed bar says SELL and is not late, else SIGNAL_FLAT: the rulebook's numbers.

    A bar that is not answered, or whose strategy failed, says nothing; a weight of 0 is no SELL.
    """
    target = market.target
    if not isinstance(target, Signal) or target.side is not SignalSide.SELL or market.question is not None:
        return SIGNAL_FLAT
    return SIGNAL_SELL if late_s(state, market) <= BAR_LATE_S else SIGNAL_FLAT
