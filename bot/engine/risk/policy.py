"""A risk policy: one rule that an entry or an order must keep, with everything that follows from it in one declaration.

Gates page, check before sending, check at the socket, latches, Risk page, table in docs/risk.md and the compiled
backtest all read the one ordered list of policies (`bot.engine.risk.policies.registry`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from bot.domain.orders import OrderSpec
from bot.engine.risk.guard import Band, Guard, planned_of
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.risk import guard_shut
from shared.documents.risk import GateVerdict, LimitDoc
from shared.figures import plainly

OPEN, SHUT, FAULT, UNKNOWN = GateVerdict.OPEN, GateVerdict.SHUT, GateVerdict.FAULT, GateVerdict.UNKNOWN


class Moment(StrEnum):
    """When a policy is asked: about the next entry, about an order that was decided, right before it is sent."""

    DECISION = "decision"
    SUBMIT = "submit"
    SOCKET = "socket"


class Failure(StrEnum):
    """What a policy that raises leads to, beside the refusal: nothing more, or no entries until Start is pressed."""

    RECOVERABLE = "recoverable"
    CRITICAL = "critical"


class Backtest(StrEnum):
    """What the compiled backtest makes of the policy."""

    MODELLED = "modelled"
    REFUSED = "refused"  # a run with its switch on is refused by the setting's name
    REFUSED_BY_HAND = "refused if set by hand"  # its default is taken for kept, and the report says so
    LIVE_ONLY = "live only"  # a history cannot tell; the report says what was assumed


class Gate(NamedTuple):
    """One policy's verdict on the next entry. Text is built only where the gate is not simply open."""

    name: str
    title: str
    verdict: GateVerdict
    value: str | None
    limit: str | None
    opens: str | None = None


class Refusal(NamedTuple):
    """Why an order must not be sent: a code for machines, the value that decided, and the limit it broke."""

    code: str
    value: str
    limit: str

    @property
    def text(self) -> str:
        return f"{self.code}: {self.value}, limit {self.limit}"


Judge = Callable[[EngineState, Market], Gate]
Check = Callable[[EngineState, OrderSpec], Refusal | None]
BEFORE_SENDING = (Moment.SUBMIT, Moment.SOCKET)


@dataclass(frozen=True, slots=True)
class RiskPolicy:
    """`judge` answers at the decision, `check` at `checked`; either may raise, which refuses and is counted.

    `settings` are the keys that are this policy's alone. `about` is its sentence in docs/risk.md, and `assumed` what a
    backtest takes for granted instead, as its report says it.
    """

    code: str
    title: str
    about: str
    failure: Failure
    backtest: Backtest
    settings: tuple[str, ...] = ()
    assumed: str = ""
    judge: Judge | None = None
    of_lots: bool = False  # of lots with exits of their own: not asked about products at a target weight
    standing: bool = False  # must stay open while a maker entry rests
    check: Check | None = None
    checked: tuple[Moment, ...] = BEFORE_SENDING
    entries_only: bool = True  # `check` is asked about entries alone: no defect in it can hold back an exit
    guard: Guard | None = None  # the measured value and limit behind `judge` and `check`
    limits: Callable[[EngineState], list[LimitDoc]] | None = None  # on the Risk page, beside the guards
    latch: Callable[[EngineState, Market], str | None] | None = None  # why a person must press Start; each second
    restart: Callable[[EngineState], None] | None = None  # a person pressed Start

    @property
    def moments(self) -> tuple[Moment, ...]:
        """When it is asked."""
        decision = (Moment.DECISION,) if self.judge is not None else ()
        return decision + (self.checked if self.check is not None else ())

    @property
    def switch(self) -> str | None:
        """The setting that turns it on, by its first key; None = it has no setting."""
        return self.settings[0] if self.settings else None


def guard_policy(
    guard: Guard,
    about: str,
    failure: Failure,
    backtest: Backtest,
    settings: tuple[str, ...] = (),
    assumed: str = "",
    *,
    standing: bool = True,
    restart: Callable[[EngineState], None] | None = None,
) -> RiskPolicy:
    """The policy of a measured value against a limit; one that measures the entry is asked about orders, too."""
    return RiskPolicy(
        guard.name,
        guard.title,
        about,
        failure,
        backtest,
        settings,
        assumed,
        judge=_judge_of(guard),
        standing=standing,
        check=_check_of(guard) if guard.of_entry is not None else None,
        guard=guard,
        latch=_latch_of(guard) if guard.latches else None,
        restart=restart,
    )


@lru_cache(maxsize=1024)  # limits are mostly settings: a page's worth of them is asked for again and again
def _limit_text(guard: Guard, limit: float) -> str:
    sign = "≥" if guard.at_least else "≤" if guard.reaching_is_fine else "<"
    return f"{sign} {plainly(limit)}{_unit(guard)}"


def _value_text(guard: Guard, value: float) -> str:
    """Shares and ratios to the hundredth, as the pages show them; counts and money as they are."""
    digits = ",.2f" if guard.unit in ("%", "x") else ",.1f" if guard.unit == "bp" else ",.6g"
    return f"{value:{digits}}{_unit(guard)}"


def _unit(guard: Guard) -> str:
    return f" {guard.unit}" if guard.unit else ""


def _judge_of(guard: Guard) -> Judge:
    bad = FAULT if guard.broken else SHUT
    off = Gate(guard.name, guard.title, OPEN, "off", None)

    def judge(state: EngineState, market: Market) -> Gate:
        reading = guard.read(state, market)
        if reading.band is Band.OFF:
            return off
        limit = _limit_text(guard, reading.limit)
        if reading.band is Band.UNKNOWN:
            verdict = OPEN if reading.approved else UNKNOWN
            return Gate(guard.name, guard.title, verdict, guard.unknown, limit, "when it is known")
        value = _value_text(guard, reading.value) if reading.value is not None else "not a number"
        return Gate(guard.name, guard.title, OPEN if reading.approved else bad, value, limit, guard.opens)

    return judge


def _check_of(guard: Guard) -> Check:
    measure = guard.of_entry
    assert measure is not None

    def check(state: EngineState, spec: OrderSpec) -> Refusal | None:
        market = state.markets.by_product[spec.product_id]
        limit = guard.limit_of(state, market)
        if not limit:
            return None
        value = measure(state, market, planned_of(market, spec))
        if value is None:
            return Refusal(guard.name, guard.unknown, _limit_text(guard, limit)) if guard.unknown_shuts else None
        if math.isfinite(value) and not guard_shut(value, limit, guard.at_least, guard.reaching_is_fine):
            return None
        return Refusal(guard.name, _value_text(guard, value), _limit_text(guard, limit))

    return check


def _latch_of(guard: Guard) -> Callable[[EngineState, Market], str | None]:
    def latch(state: EngineState, market: Market) -> str | None:
        reading = guard.read(state, market)
        if reading.approved:
            return None
        value = f"{reading.value:.2f}" if reading.value is not None else "not known"
        return f"{guard.title.lower()}: {value} {guard.unit} (limit {plainly(reading.limit)})"

    return latch
