"""What bad clients cost: a thousand that never read, and a thousand that never end their request."""

import asyncio
import socket
import subprocess
import sys

from bench.dashboard.rig import MeasuredDashboard, keep_writing
from bench.measurement import Measurement

SLOW = 1000


async def slow_clients(bench: MeasuredDashboard) -> list[Measurement]:
    """A thousand clients ask for a stream and never read it."""
    before = bench.rss_mb()
    writing = asyncio.create_task(keep_writing(bench))
    opened: list[socket.socket] = []
    for i in range(SLOW):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", bench.port))
            head = f"GET /api/stream?page=overview HTTP/1.1\r\nHost: 127.0.0.1:{bench.port}\r\n"
            sock.send(f"{head}Authorization: Bearer {bench.tokens[i % 5]}\r\n\r\n".encode())
        except OSError:
            pass  # more connections than it takes are dropped, which is the point
        opened.append(sock)
    peak = before
    for _ in range(16):
        await asyncio.sleep(0.25)
        peak = max(peak, bench.rss_mb())
    writing.cancel()
    for sock in opened:
        sock.close()
    return [Measurement(f"memory more by {SLOW} slow clients", peak - before, "MB", 67.1)]


# Another process that beats every 5 ms, as a bot's loop would: prints how late the worst hundredth came, in ms.
BEAT = """
import time
late = []
due = time.monotonic()
for _ in range(800):
    due += 0.005
    time.sleep(max(0.0, due - time.monotonic()))
    late.append(1000 * (time.monotonic() - due))
    due = max(due, time.monotonic() - 0.005)
print(sorted(late)[792])
"""


async def beat_ms() -> float:
    """How late another process comes at the 99th percentile, measured over four seconds."""
    beat = await asyncio.create_subprocess_exec(sys.executable, "-c", BEAT, stdout=subprocess.PIPE)
    out, _ = await beat.communicate()
    return float(out)


async def half_open(bench: MeasuredDashboard) -> list[Measurement]:
    """A thousand clients begin a request and never end it: what another process feels of that."""
    alone = await beat_ms()
    opened: list[socket.socket] = []

    async def drip() -> None:
        """Every second each of them sends one more byte of its header; what was dropped comes again."""
        while True:
            for _ in range(SLOW - len(opened)):
                sock = socket.socket()
                sock.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", bench.port))
                    sock.send(b"GET / HTTP/1.1\r\nX: ")
                except OSError:
                    sock.close()
                    continue
                opened.append(sock)
            for sock in list(opened):
                try:
                    sock.send(b"x")
                except OSError:
                    opened.remove(sock)
                    sock.close()
            await asyncio.sleep(1.0)

    dripping = asyncio.create_task(drip())
    await asyncio.sleep(1.0)
    under = await beat_ms()
    dripping.cancel()
    for sock in opened:
        sock.close()
    return [Measurement(f"another process later by {SLOW} half-open, p99", under - alone, "ms", 5)]
