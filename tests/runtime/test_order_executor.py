"""The order executor: each answer of the exchange, and none, becomes the one event that says what is known."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.app.order_executor import OrderExecutor
from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.fills import Fill
from bot.domain.intents import CancelOrder, FetchFills, LookUpOrder, PlaceOrder
from bot.domain.kinds import Side
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from bot.venues.errors import (
    ExchangeError,
    Forbidden,
    NoAnswerGot,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)
from shared.times import epoch_ms
from tests.core.harness import D, Rig, one, places

SPEC = one(places(Rig().bar("buy")))
COID = SPEC.client_order_id
REPORT = OrderReport("v-1", COID, "BTC-USD", Side.BUY, OrderStatus.WORKING, Decimal(0), 0)
FILL = Fill("v-1", "t1", COID, "BTC-USD", Side.BUY, Decimal(100), Decimal(1), Decimal(0), "taker", 0)


class Turned:
    """A clock whose sleeps are over at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.now_s = 0.0

    @property
    def began(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)

    def utc(self) -> datetime:
        return self.began + timedelta(seconds=self.now_s)

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


class Exchange:
    """Answers as told: what stands under a request's name, the first of a list and then the next, errors raised."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.clock = Turned()

    async def _answer(self, name: str, *terms: Any) -> Any:
        self.asked.append((name, terms))
        self.clock.now_s += 0.25
        await asyncio.sleep(0)
        answer = self._answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            return {}
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def admit(self, spec: OrderSpec) -> None:
        self.asked.append(("admit", (spec,)))

    async def create(self, spec: OrderSpec, shut: Callable[[], str | None]) -> str:
        self.shut = shut
        found: str = await self._answer("create", spec)
        return found

    async def cancel(self, order_ids: Sequence[str]) -> Any:
        return await self._answer("cancel", tuple(order_ids))

    async def order(self, order_id: str) -> Any:
        return await self._answer("order", order_id)

    async def orders_since(self, since_ms: int, product_id: str | None = None) -> Any:
        return await self._answer("orders_since", since_ms, product_id)

    async def open_orders(self) -> Any:
        return await self._answer("open_orders")

    async def fills_since(self, since_ms: int) -> Any:
        return await self._answer("fills_since", since_ms)

    async def balances(self) -> Any:
        return await self._answer("balances")

    async def fills_of(self, order_id: str, client_order_id: str) -> Any:
        return await self._answer("fills_of", order_id, client_order_id)


class Gate:
    """Shut, or not, in each of its ways."""

    def __init__(self, refusal: str | None = None, locked: str | None = None) -> None:
        self._refusal, self._locked = refusal, locked

    def refusal(self, spec: OrderSpec) -> str | None:
        return self._refusal

    def shut(self, spec: OrderSpec) -> str | None:
        return f"shut for {spec.client_order_id}"

    def nothing_cancelled(self) -> str | None:
        return self._locked


class Desk:
    """An executor with what it was told and what it said."""

    def __init__(self, gate: Gate | None = None, **answers: Any) -> None:
        self.said: list[ev.Event] = []
        self.exchange = Exchange(**answers)
        self.executor = OrderExecutor(
            self.exchange, gate or Gate(), self.said.append, {"v-1": COID}.get, self.exchange.clock, lambda _: False  # type: ignore[arg-type]
        )  # fmt: skip

    async def over(self, *actions: Any) -> list[ev.Event]:
        for action in actions:
            self.executor.carry_out(action)
        await self.idle()
        return self.said

    async def idle(self) -> None:
        while self.executor._tasks:
            await asyncio.sleep(0)

    @property
    def requests(self) -> list[str]:
        return [name for name, _ in self.exchange.asked]


async def test_an_order_that_is_accepted() -> None:
    desk = Desk(create="v-1")
    assert await desk.over(PlaceOrder(SPEC)) == [ev.OrderAccepted(COID, "v-1")]
    assert desk.requests == ["admit", "create"], "the gate is asked after the wait for its turn"
    assert desk.exchange.shut() == f"shut for {COID}", "and once more where its bytes leave"
    assert desk.executor.order_ms.percentile(50) == 250.0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unreachable("no connection"), ev.RiskRejected(COID, "no connection")),
        (NoAnswerGot("nothing came"), ev.OutcomeUnknown(COID, "nothing came")),
        (RateLimited("429"), ev.VenueRejected(COID, "429")),
        (Unauthorized("401"), ev.VenueRejected(COID, "401")),
        (Forbidden("403"), ev.VenueRejected(COID, "403")),
        (Rejected("too small", "SIZE"), ev.VenueRejected(COID, "too small")),
        (Rejected("no funds", "FUNDS", insufficient=True), ev.VenueRejected(COID, "no funds", insufficient=True)),
    ],
)
async def test_an_order_that_is_not(error: ExchangeError, said: ev.Event) -> None:
    desk = Desk(create=error)
    assert await desk.over(PlaceOrder(SPEC)) == [said]
    assert desk.requests.count("create") == 1, "it is sent once"
    assert desk.executor.order_ms.percentile(50) is None


async def test_what_the_gate_refuses_is_not_sent() -> None:
    desk = Desk(Gate("killed"), create="v-1")
    assert await desk.over(PlaceOrder(SPEC)) == [ev.RiskRejected(COID, "killed")]
    assert desk.requests == ["admit"]


CANCEL = CancelOrder(COID, "v-1")


async def test_a_cancel_says_nothing_by_itself_and_a_refused_one_is_looked_up() -> None:
    assert await Desk(cancel={"v-1": None}).over(CANCEL) == []
    desk = Desk(cancel={"v-1": "it is over"}, order=REPORT)
    assert await desk.over(CANCEL) == [ev.LookupResult(COID, REPORT, complete=True)]


async def test_one_cancel_of_an_order_at_a_time_and_another_when_it_is_over() -> None:
    answered = asyncio.Event()
    desk = Desk(cancel=[answered, NoAnswerGot("nothing came"), {"v-1": None}, {"v-1": None}])
    for _ in range(3):
        desk.executor.carry_out(CANCEL)
    for _ in range(5):
        await asyncio.sleep(0)
    assert desk.requests == ["cancel"]
    answered.set()
    await desk.idle()
    for count in (2, 3):
        await desk.over(CANCEL)
        assert desk.requests == ["cancel"] * count, "an error does not keep the next one back"
    await desk.over(CANCEL, CancelOrder("other", "v-2"))
    assert desk.exchange.asked[-1][1] == (("v-2",),)


async def test_while_the_key_or_the_clock_is_refused_cancels_are_sent_less_and_less_often_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers: list[Any] = [Unauthorized("401")] * 40
    desk = Desk(cancel=answers)
    for _ in range(120):  # two minutes in which the engine asks for both every two seconds
        desk.exchange.clock.now_s += 1.0
        await desk.over(CANCEL, CancelOrder("other", "v-2"))
    assert 20 <= len(desk.requests) <= 34, "two each time, after 2, 4, 8 and then every 10 s"
    assert [r.levelname for r in caplog.records if "retrying" in r.message] == ["WARNING"]
    answers[:] = [{"v-1": None, "v-2": None}] * 6
    desk.exchange.clock.now_s += 10.0
    before = len(desk.requests)
    for _ in range(3):
        await desk.over(CANCEL, CancelOrder("other", "v-2"))
    assert len(desk.requests) == before + 6, "one that is taken ends the pause for all"


async def test_a_cancel_that_may_not_go_out_is_not_sent_and_may_go_later() -> None:
    gate = Gate(locked="DRY_RUN")
    desk = Desk(gate, cancel={"v-1": None})
    await desk.over(CANCEL)
    assert desk.requests == []
    gate._locked = None
    await desk.over(CANCEL)
    assert desk.requests == ["cancel"]


LOOK = LookUpOrder(COID, "v-1", "BTC-USD", 7)
SEARCH = LookUpOrder(COID, None, "BTC-USD", 7)
GONE = Rejected("not found", "404")


@pytest.mark.parametrize(
    ("action", "answers", "found"),
    [
        (LOOK, {"order": REPORT}, REPORT),
        (LOOK, {"order": GONE, "orders_since": (REPORT,)}, REPORT),
        (LOOK, {"order": GONE, "orders_since": (replace(REPORT, order_id="v-2"),)}, None),
        (SEARCH, {"orders_since": (replace(REPORT, client_order_id="x"), REPORT)}, REPORT),
        (SEARCH, {"orders_since": (replace(REPORT, client_order_id="x"),)}, None),
    ],
)
async def test_a_look_up(action: LookUpOrder, answers: dict[str, Any], found: OrderReport | None) -> None:
    desk = Desk(**answers)
    assert await desk.over(action) == [ev.LookupResult(COID, found, complete=True)]
    if "orders_since" in answers:
        assert ("orders_since", (7, "BTC-USD")) in desk.exchange.asked


@pytest.mark.parametrize(
    ("action", "answers"),
    [
        (LOOK, {"order": NoAnswerGot("nothing came")}),
        (LOOK, {"order": Rejected("no", "403")}),
        (LookUpOrder(COID, "v-1", "BTC-USD", 0), {"order": GONE}),
        (LOOK, {"order": GONE, "orders_since": RateLimited("429")}),
        (SEARCH, {"orders_since": Unreachable("no connection")}),
    ],
)
async def test_a_look_up_that_failed_says_nothing(action: LookUpOrder, answers: dict[str, Any]) -> None:
    assert await Desk(**answers).over(action) == []


async def test_fills_that_are_late_are_asked_for_again_and_then_left() -> None:
    desk = Desk(fills_of=[(), NoAnswerGot("nothing came"), (FILL,)])
    assert await desk.over(FetchFills("v-1")) == [ev.FillReports((FILL,))]
    assert desk.exchange.asked[0] == ("fills_of", ("v-1", COID))
    assert desk.exchange.clock.slept == [0.0, 0.15, 0.5]
    none = Desk(fills_of=())
    assert await none.over(FetchFills("v-1")) == []
    assert none.requests == ["fills_of"] * 4 and none.exchange.clock.slept == [0.0, 0.15, 0.5, 1.5]


async def test_fills_of_an_order_are_fetched_once_at_a_time() -> None:
    desk = Desk(fills_of=(FILL,))
    assert len(await desk.over(FetchFills("v-1"), FetchFills("v-1"))) == 1
    assert len(await desk.over(FetchFills("v-1"))) == 2


async def test_a_sync_tells_orders_fills_and_balances_each_as_of_when_it_was_asked_for() -> None:
    money = (Balance("USD", D(1), D(0)),)
    desk = Desk(open_orders=(REPORT,), fills_since=(FILL,), balances=money)
    await desk.executor.sync()
    at_ms = epoch_ms(desk.exchange.clock.began)
    assert desk.said == [
        ev.OrderReports((REPORT,), complete=True, asked_ms=at_ms),
        ev.FillReports((FILL,), 0),
        ev.BalanceReport(money, at_ms + 500),
    ]


async def test_a_defect_in_an_action_reaches_the_supervisor() -> None:
    """An order's fate would be unknown to the engine, without anybody's knowing it."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    desk = Desk(create=ZeroDivisionError("planted"))
    assert await desk.over(PlaceOrder(SPEC)) == []
    await asyncio.sleep(0)
    assert [str(context["exception"]) for context in told] == ["planted"]
