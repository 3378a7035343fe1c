"""The strategy's questions, carried out beside the loop: one at a time, the newest of each product only.

A question that has not begun when a newer one of its product comes is never asked. Whether an answer still counts is
the engine's to say.
"""

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable

from bot.app.offload import Offload
from bot.domain import events as ev
from bot.domain.intents import AskStrategy
from bot.engine.ports import StrategyPort
from shared.ports import Clock

log = logging.getLogger("strategy")


class StrategyWorker:
    """`answered`: products with an answer that was dispatched, for whoever records it."""

    def __init__(self, offload: Offload, clock: Clock, dispatch: Callable[[ev.Event], None]) -> None:
        self._offload, self._clock, self._dispatch = offload, clock, dispatch
        self._waiting: dict[str, tuple[StrategyPort, AskStrategy]] = {}  # by product, oldest first
        self._wake = asyncio.Event()
        self.answered: asyncio.Queue[str] = asyncio.Queue()
        self._busy: tuple[str, float] | None = None  # product and when its question began, monotonic
        self._thread_id: int | None = None
        self._told = False

    def ask(self, port: StrategyPort, question: AskStrategy) -> None:
        """Have it answered; a question of the same product that still waits is dropped."""
        product_id = question.instrument.product_id
        self._waiting.pop(product_id, None)
        self._waiting[product_id] = (port, question)
        self._wake.set()

    async def run(self) -> None:
        """Answer question after question, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                port, question = self._waiting.pop(next(iter(self._waiting)))
                await self._answer(port, question)

    async def _answer(self, port: StrategyPort, question: AskStrategy) -> None:
        def work() -> ev.TargetReady:
            self._thread_id = threading.get_ident()
            return port.answer(question)

        product_id = question.instrument.product_id
        self._busy, self._told = (product_id, self._clock.monotonic_s()), False
        answer = await self._offload.run(work)
        self._busy = None
        self._dispatch(answer)
        self.answered.put_nowait(product_id)

    def watch(self, limit_s: float) -> None:
        """Log once where a strategy stands that has not answered for so long."""
        if self._busy is None or self._told or self._clock.monotonic_s() - self._busy[1] < limit_s:
            return
        self._told = True
        frame = sys._current_frames().get(self._thread_id or 0)
        stands = traceback.extract_stack(frame)[::-1] if frame is not None else []
        log.error("%s: no answer for %.0f s; it stands, newest call first, in", self._busy[0], limit_s)
        for one in stands:
            log.error("strategy | %s line %s, in %s", one.filename, one.lineno, one.name)
