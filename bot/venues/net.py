"""The network seam, below the SDK: its HTTP adapter, the threads its blocking calls run in, the stream's connect.

A deterministic run replaces `Net`; nothing else in `bot/` opens a socket or starts a thread for the exchange.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from shared.tls import client_context

T = TypeVar("T")
GOODBYE_S = 1.0  # what the other side gets to answer a close, when this process ends


class Connection(Protocol):
    """One open stream."""

    async def send(self, message: str) -> None: ...
    async def recv(self) -> str | bytes: ...


class NeverStarted(TimeoutError):
    """Every thread was busy until the limit: the call was taken back before it began."""


class Net(Protocol):
    """What the adapter needs of the network."""

    def adapter(self) -> Any:
        """A `requests` transport adapter to mount on the SDK's session."""

    async def run(self, pool: str, call: Callable[[], T], limit_s: float) -> T:
        """Run a blocking call off the event loop. Raises TimeoutError after `limit_s` in all, NeverStarted where
        it had not even begun (and will not)."""

    def connect(self, url: str, ca_file: Path | None) -> Any:
        """An async context manager that gives a Connection."""


class SystemNet:
    """The machine's network. Each pool has threads of its own, so that data can never starve a cancel."""

    def __init__(self, pool_size: int = 3) -> None:
        self._pool_size = pool_size
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._stuck: dict[str, int] = {}

    def adapter(self) -> Any:
        from requests.adapters import HTTPAdapter  # noqa: PLC0415 (comes with the SDK)

        return HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0)

    async def run(self, pool: str, call: Callable[[], T], limit_s: float) -> T:
        executor = self._pools.get(pool)
        if executor is None or self._stuck.get(pool, 0) >= self._pool_size:
            # All threads hang on answers that drip: leave them to their read time-outs and go on with new ones.
            executor = ThreadPoolExecutor(self._pool_size, thread_name_prefix=f"rest-{pool}")
            self._pools[pool], self._stuck[pool] = executor, 0
        work = executor.submit(call)
        future = asyncio.wrap_future(work)
        done, _ = await asyncio.wait({future}, timeout=limit_s)
        if not done and work.cancel():
            # Left in the queue it would be sent long after everybody stopped waiting for it.
            raise NeverStarted(f"no free connection within {limit_s:g} s")
        if not done:
            self._stuck[pool] = self._stuck.get(pool, 0) + 1
            future.add_done_callback(lambda f: self._unstuck(pool, f))
            raise TimeoutError(f"no complete answer within {limit_s:g} s")
        return future.result()

    def _unstuck(self, pool: str, future: "asyncio.Future[Any]") -> None:
        self._stuck[pool] = max(self._stuck.get(pool, 0) - 1, 0)
        if not future.cancelled():
            future.exception()

    def connect(self, url: str, ca_file: Path | None) -> Any:
        return _connect(url, ca_file)

    def close(self) -> None:
        """Leave the threads; what still hangs in them must not hold up the end of the process."""
        for executor in self._pools.values():
            executor.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _connect(url: str, ca_file: Path | None) -> AsyncIterator[Connection]:
    from websockets.asyncio.client import connect  # noqa: PLC0415

    # The level2 snapshot of BTC-USD outgrows every usual limit; frames are compressed by nobody here.
    socket = await connect(
        url,
        ssl=client_context(ca_file),
        max_size=None,
        compression=None,
        open_timeout=5,
        close_timeout=GOODBYE_S,
        ping_interval=20,
        ping_timeout=20,
    )
    try:
        yield socket
    except asyncio.CancelledError:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await socket.close()
        raise
    finally:
        # Over TLS a close waits 30 s for the peer's own, and a peer that fell silent sends none: the connection is
        # dropped, so that the next one can begin at once.
        socket.transport.abort()
