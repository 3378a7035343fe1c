"""Who evaluates a sweep's points: threads of this process, processes of their own, or the workers of a Ray cluster."""

import functools
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from research.backtest import BacktestRequest
from research.data import store
from research.data.candles import CandleSet
from research.errors import ResearchError
from research.sweep.evaluate import Row, SweepContext, evaluate
from research.sweep.points import Point

Rows = Generator[Row, None, None]


def in_threads(bench: SweepContext, points: Sequence[Point], jobs: int) -> Rows:
    """Rows as they are finished. The loops run without Python's lock, so threads are enough and share the data."""
    if jobs == 1:
        for point in points:
            yield evaluate(bench, point)
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from _as_finished([functools.partial(pool.submit, evaluate, bench, point) for point in points], 4 * jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _as_finished(submits: Sequence[Callable[[], "Future[Any]"]], ahead: int) -> Iterator[Any]:
    """Results in the order of finishing, with a few submitted ahead, so that an end leaves little behind."""
    waiting: set[Future[Any]] = set()
    for submit in submits:
        waiting.add(submit())
        if len(waiting) >= ahead:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    for future in waiting:
        yield future.result()


_worker: dict[str, SweepContext] = {}


def work(paths: Sequence[str], request: BacktestRequest, points: Sequence[Point]) -> list[Row]:
    """A stretch of points in a worker process, which keeps the prepared data for the next stretch."""
    key = repr((paths, request.since_s, request.until_s))
    bench = _worker.get(key)
    if bench is None:
        candles = [store.load(Path(path)).between(request.since_s, request.until_s) for path in paths]
        bench = SweepContext.of(candles, request)
        _worker.clear()
        _worker[key] = bench
    bench.request = request
    return [evaluate(bench, point) for point in points]


def _deaf() -> None:
    """Ctrl-C is the parent's to hear: it lets what runs end, and keeps it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_processes(paths: Sequence[str], request: BacktestRequest, points: Sequence[Point], jobs: int) -> Rows:
    """The same in processes of their own, for strategies that hold Python's lock."""
    # Each process uses one core: libraries that start threads of their own would only stand in each other's way.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_deaf)
    try:
        submits = [functools.partial(pool.submit, work, paths, request, [point]) for point in points]
        for rows in _as_finished(submits, 2 * jobs):
            yield from rows
    finally:
        pool.shutdown(cancel_futures=True)


_benches: dict[str, SweepContext] = {}


def _stretch(shared: tuple[Sequence[CandleSet], BacktestRequest], points: Sequence[Point]) -> list[Row]:
    """Rows of `points`. The prepared data is kept for the next stretch."""
    candles, request = shared
    key: Any = (tuple(one.digest for one in candles), repr(request))
    if key not in _benches:
        _benches.clear()
        _benches[key] = SweepContext.of(candles, request)
    return [evaluate(_benches[key], point) for point in points]


def in_ray(
    candles: Sequence[CandleSet], request: BacktestRequest, points: Sequence[Point], address: str, jobs: int
) -> Rows:
    """The same on a Ray cluster; `address` "local" starts one of `jobs` workers here. Raises ResearchError."""
    try:
        # Heavy, and installed by those who have a cluster.
        import ray  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        raise ResearchError(
            "--engine ray needs Ray: .venv/bin/python -m pip install -r requirements-ray.txt"
        ) from error
    if address == "local":
        ray.init(num_cpus=jobs, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    else:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        shared = ray.put((list(candles), request))
        task = ray.remote(_stretch)
        each = max(1, min(50, len(points) // (4 * jobs)))
        waiting = [task.remote(shared, points[i : i + each]) for i in range(0, len(points), each)]
        while waiting:
            done, waiting = ray.wait(waiting)
            for rows in ray.get(done):
                yield from rows
    finally:
        ray.shutdown()
