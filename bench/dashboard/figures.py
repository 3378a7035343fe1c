"""`python -m bench.dashboard.figures`: the dashboard's figures, measured on this machine against its own process.

Starts a dashboard in a folder of its own with a writer of the bot's state file, opens streams, asks, and prints one
line for each figure. Bounded: about 40 seconds, loopback only.
"""

import asyncio
import gzip
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.dashboard.clients import half_open, slow_clients
from bench.dashboard.rig import MeasuredDashboard, answer, drain, keep_writing, sample
from bench.measurement import Measurement, measured
from dashboard.assets import Assets

STREAMS = 100
REQUESTS = 400
CHANGES = 40


async def latency(bench: MeasuredDashboard, path: str, n: int) -> list[float]:
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


async def change_to_stream(bench: MeasuredDashboard, n: int) -> list[float]:
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


async def under_load(bench: MeasuredDashboard) -> list[Measurement]:
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
        Measurement(f"/api/state p50, {STREAMS} streams", statistics.median(state), "ms", 5),
        Measurement(f"/api/state p99, {STREAMS} streams", measured(state, 99), "ms", 5),
        Measurement(f"page, first byte p50, {STREAMS} streams", statistics.median(pages), "ms", 30),
        Measurement(f"page, first byte p99, {STREAMS} streams", measured(pages, 99), "ms", 30),
        Measurement("processor under that load", used, "%", 100),
    ]


def first_load(page: bytes, charts: bool = True) -> Measurement:
    """Compressed bytes of the Overview with everything it loads."""
    assets = Assets()
    names = ["coin.css", "pages.css", "coin.js", "tables.js", "htmx.js", "inter.woff2", "icon-ok.svg"]
    names += ["lightweight-charts.js", "charts.js", "candles.js"] if charts else []
    total = len(gzip.compress(page, 1))
    for asset in assets.by_url.values():
        if asset.name in names:
            total += len(asset.packed if asset.packed is not None else asset.read())
    return Measurement("first load, compressed", total / 1000, "kB", 200)


async def measure(folder: Path, document: bytes) -> list[Measurement]:
    """Every figure."""
    bench = MeasuredDashboard(folder, document)
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
        figures = [Measurement("memory when idle", idle, "MB", 90), first_load(page)]
        figures += await under_load(bench)
        changes = await change_to_stream(bench, CHANGES)
        figures.append(Measurement("file change to stream bytes, p50", statistics.median(changes), "ms", 300))
        figures.append(Measurement("file change to stream bytes, p95", measured(changes, 95), "ms", 300))
        figures += await slow_clients(bench)
        figures += await half_open(bench)
        return figures
    finally:
        bench.process.terminate()
        bench.process.wait(10)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), sample()))
    for figure in figures:
        sys.stdout.write(figure.line + "\n")
    # Latencies of a machine that is busy with other things say little about the dashboard.
    sys.stdout.write(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
