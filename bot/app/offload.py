"""Where blocking work runs: a thread of its own, in order, so that neither a slow disk nor a model stalls the loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Offload(Protocol):
    """Runs blocking work in order; a deterministic run does it inline."""

    async def run(self, work: Callable[[], T]) -> T: ...


class ThreadOffload:
    """One named thread."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        self._executor.shutdown(wait=True)


class DaemonOffload:
    """One named thread that the end of the process does not wait for: work that never returns holds nothing up."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((work, done))
        return await done

    def _serve(self) -> None:
        while True:
            work, done = self._jobs.get()
            try:
                result, error = work(), None
            except BaseException as raised:  # told to whoever waits; the thread serves on
                result, error = None, raised
            try:
                done.get_loop().call_soon_threadsafe(_settle, done, result, error)
            except RuntimeError:
                return  # the loop is closed: the process ends


def _settle(done: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if done.done():
        return  # whoever asked was cancelled meanwhile
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)
