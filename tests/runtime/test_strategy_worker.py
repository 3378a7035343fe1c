"""Questions are carried out beside the loop: one at a time, the newest of each product, and none holds up the end."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from bot.app.offload import DaemonOffload
from bot.app.strategy_worker import StrategyWorker
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Signal, SignalSide
from shared.paths import ROOT
from shared.ports import SystemClock
from tests.core.harness import Said, product

T = TypeVar("T")


def question(product_id: str, start_s: int) -> AskStrategy:
    return AskStrategy(product(product_id), (Bar(start_s, 1.0, 1.0, 1.0, 1.0, 1.0),))


class Held(Said):
    """Answers once it is let go, and knows how many ask at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Semaphore(0)
        self.inside = self.most = 0
        self.threads: set[int] = set()

    def answer(self, question: AskStrategy) -> ev.TargetReady:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.threads.add(threading.get_ident())
        assert self.let_go.acquire(timeout=10)
        self.inside -= 1
        target = Signal(SignalSide.BUY, None, {})
        return ev.TargetReady(question.instrument.product_id, question.bar_start_s, target)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.002)


async def test_the_newest_question_of_each_product_one_at_a_time_in_one_thread_that_is_not_the_loops() -> None:
    told: list[ev.Event] = []
    worker, strategy = StrategyWorker(DaemonOffload("strategy"), SystemClock(), told.append), Held()
    task = asyncio.create_task(worker.run())
    worker.ask(strategy, question("A-USD", 60))
    await until(lambda: strategy.inside == 1)
    for product_id, start_s in (("A-USD", 120), ("B-USD", 120), ("A-USD", 180)):
        worker.ask(strategy, question(product_id, start_s))
    for _ in range(3):
        strategy.let_go.release()
    await until(lambda: len(told) == 3)
    answers = [(one.product_id, one.bar_start_s) for one in told if isinstance(one, ev.TargetReady)]
    assert answers == [("A-USD", 60), ("B-USD", 120), ("A-USD", 180)]
    assert [worker.answered.get_nowait() for _ in answers] == ["A-USD", "B-USD", "A-USD"]
    assert strategy.most == 1 and len(strategy.threads) == 1 and threading.get_ident() not in strategy.threads
    task.cancel()


async def test_what_does_not_answer_is_logged_once_with_the_line_in_which_it_stands(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker, strategy = StrategyWorker(DaemonOffload("strategy"), SystemClock(), lambda _: None), Held()
    task = asyncio.create_task(worker.run())
    worker.ask(strategy, question("A-USD", 60))
    await until(lambda: strategy.inside == 1)
    worker.watch(60.0)
    assert not caplog.records
    await asyncio.sleep(0.05)
    for _ in range(3):
        worker.watch(0.01)
    said = [record.getMessage() for record in caplog.records]
    assert sum("A-USD: no answer" in text for text in said) == 1
    assert sum("test_strategy_worker.py" in text and "in answer" in text for text in said) == 1
    strategy.let_go.release()
    await until(lambda: not worker.answered.empty())
    task.cancel()


async def test_an_error_of_the_thread_reaches_whoever_waits_and_the_thread_serves_on() -> None:
    offload = DaemonOffload("strategy")

    def raises() -> None:
        raise SystemExit(3)

    async def waits() -> str:
        try:
            await offload.run(raises)
        except SystemExit as error:
            return f"left with {error.code}"
        return "nothing"

    assert await waits() == "left with 3"
    assert await offload.run(lambda: 7) == 7


def test_work_that_never_returns_does_not_hold_up_the_end_of_the_process() -> None:
    source = (
        "import asyncio, itertools\nfrom bot.app.offload import DaemonOffload\n"
        "def endless():\n    for _ in itertools.count(): pass\n"
        "async def main():\n    task = asyncio.ensure_future(DaemonOffload('x').run(endless))\n"
        "    await asyncio.sleep(0.1)\n    task.cancel()\n"
        "asyncio.run(main())\nprint('ended')\n"
    )
    began_s = time.monotonic()
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, timeout=30, check=False, capture_output=True)
    assert done.returncode == 0 and done.stdout == b"ended\n", done.stderr
    assert time.monotonic() - began_s < 25
