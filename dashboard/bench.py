"""`python -m dashboard.bench`: the dashboard's figures, measured on this machine against its own process.

Starts a dashboard in a folder of its own with a writer of the bot's state file, opens streams, asks, and prints one
line for each figure. Bounded: about 25 seconds, loopback only.
"""

import asyncio
import gzip
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dashboard.assets import Assets
from dashboard.links import create_token
from shared.files import write_whole
from shared.paths import ROOT, DataPaths

STREAMS = 100
REQUESTS = 400
CHANGES = 40
SLOW = 1000
WRITE_S = 0.5


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    unit: str
    limit: float

    @property
    def ok(self) -> bool:
        return self.value <= self.limit

    def line(self) -> str:
        return f"{'ok  ' if self.ok else 'OVER'} {self.name:<52} {self.value:>9.2f} {self.unit:<4} limit {self.limit:g}"


def percentile(values: list[float], p: float) -> float:
    """The value below which `p` percent of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


class Bench:
    """One dashboard process, and connections to it."""

    def __init__(self, folder: Path, document: bytes) -> None:
        self.paths = DataPaths(folder)
        self.paths.prepare()
        self.document = json.loads(document)
        self.seq = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.tokens = [create_token(self.paths, "operator") for _ in range(6)]
        env = {**os.environ, "DATA_DIR": str(folder), "DASHBOARD_PORT": str(self.port), "PM2_HOME": str(folder / "pm2")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dashboard"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def write(self) -> float:
        """One state write; returns when it was done."""
        self.seq += 1
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        self.document.update(seq=self.seq, ts=stamp, ts_ms=int(now * 1000), pid=os.getpid(), started_at=stamp)
        write_whole(self.paths.state, json.dumps(self.document).encode(), durable=False)
        return time.perf_counter()

    async def open(self, path: str, token: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        self.ask(writer, path, token)
        return reader, writer

    def ask(self, writer: asyncio.StreamWriter, path: str, token: int = 0) -> None:
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.tokens[token]}\r\n\r\n"
        )
        writer.write(head.encode())

    async def ready(self) -> None:
        for _ in range(200):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            del reader
            return
        raise SystemExit("the dashboard did not start")

    def rss_mb(self) -> float:
        statm = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(statm[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def answer(reader: asyncio.StreamReader) -> tuple[float, int]:
    """(when the first byte came, length of the body) of one answer with a length."""
    first = await reader.readexactly(1)
    at = time.perf_counter()
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].split()[0])
    await reader.readexactly(length)
    return at, length


async def drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def latency(bench: Bench, path: str, n: int) -> list[float]:
    """Milliseconds to the first byte, one request after the other on one connection."""
    reader, writer = await bench.open(path)
    await answer(reader)
    out = []
    for _ in range(n):
        began = time.perf_counter()
        bench.ask(writer, path)
        at, _ = await answer(reader)
        out.append(1000 * (at - began))
        await asyncio.sleep(0.007)
    writer.close()
    return out


async def change_to_stream(bench: Bench, n: int) -> list[float]:
    """Milliseconds from the state file's replace to the stream's bytes that carry its new seq."""
    reader, writer = await bench.open("/api/stream?page=overview", token=5)
    await reader.readuntil(b"\n\n")
    out = []
    for i in range(n):
        await asyncio.sleep(0.21 + 0.013 * (i % 7))
        at = bench.write()
        want = f"seq {bench.seq:,}".encode()
        while want not in await reader.readuntil(b"\n\n"):
            pass
        out.append(1000 * (time.perf_counter() - at))
    writer.close()
    return out


async def keep_writing(bench: Bench) -> None:
    while True:
        bench.write()
        await asyncio.sleep(WRITE_S)


async def under_load(bench: Bench) -> list[Figure]:
    """Answers while 100 pages are open and the bot writes twice a second."""
    opened = [await bench.open("/api/stream?page=overview", token=i % 5) for i in range(STREAMS)]
    drains = [asyncio.create_task(drain(reader)) for reader, _ in opened]
    writing = asyncio.create_task(keep_writing(bench))
    await asyncio.sleep(1.0)
    cpu, began = bench.cpu_s(), time.perf_counter()
    state = await latency(bench, "/api/state", REQUESTS)
    pages = [ms for path in ("/", "/positions", "/why", "/risk") for ms in await latency(bench, path, REQUESTS // 8)]
    used = 100 * (bench.cpu_s() - cpu) / (time.perf_counter() - began)
    for task in (writing, *drains):
        task.cancel()
    for _, writer in opened:
        writer.close()
    await asyncio.sleep(0.5)
    return [
        Figure(f"/api/state p50, {STREAMS} streams", statistics.median(state), "ms", 5),
        Figure(f"/api/state p99, {STREAMS} streams", percentile(state, 99), "ms", 5),
        Figure(f"page, first byte p50, {STREAMS} streams", statistics.median(pages), "ms", 30),
        Figure(f"page, first byte p99, {STREAMS} streams", percentile(pages, 99), "ms", 30),
        Figure("processor under that load", used, "%", 100),
    ]


async def slow_clients(bench: Bench) -> list[Figure]:
    """A thousand clients ask for a stream and never read it."""
    before = bench.rss_mb()
    writing = asyncio.create_task(keep_writing(bench))
    opened = []
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
    return [Figure(f"memory more by {SLOW} slow clients", peak - before, "MB", 67.1)]


def first_load(page: bytes, charts: bool = True) -> Figure:
    """Compressed bytes of the Overview with everything it loads."""
    assets = Assets()
    names = ["coin.css", "pages.css", "coin.js", "tables.js", "htmx.js", "hx-sse.js", "inter.woff2", "icon-ok.svg"]
    names += ["lightweight-charts.js", "charts.js"] if charts else []
    total = len(gzip.compress(page, 1))
    for asset in assets.by_url.values():
        if asset.name in names:
            total += len(asset.packed if asset.packed is not None else asset.read())
    return Figure("first load, compressed", total / 1000, "kB", 200)


async def measure(folder: Path, document: bytes) -> list[Figure]:
    """Every figure."""
    bench = Bench(folder, document)
    try:
        await bench.ready()
        for _ in range(3):
            bench.write()
            await asyncio.sleep(0.3)
        reader, writer = await bench.open("/")
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        page = await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
        writer.close()
        idle = bench.rss_mb()
        figures = [Figure("memory when idle", idle, "MB", 90), first_load(page)]
        figures += await under_load(bench)
        changes = await change_to_stream(bench, CHANGES)
        figures.append(Figure("file change to stream bytes, p50", statistics.median(changes), "ms", 300))
        figures.append(Figure("file change to stream bytes, p95", percentile(changes, 95), "ms", 300))
        figures += await slow_clients(bench)
        return figures
    finally:
        bench.process.terminate()
        bench.process.wait(10)


def sample() -> bytes:
    """A state document of a bot that trades three products."""
    return (Path(__file__).with_name("bench_state.json")).read_bytes()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), sample()))
    for figure in figures:
        sys.stdout.write(figure.line() + "\n")
    # Latencies of a machine that is busy with other things say little about the dashboard.
    sys.stdout.write(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
