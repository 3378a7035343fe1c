"""One point's figures, and a stretch of points by one worker."""

import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.strategies.base import StrategyError
from research import engine, signals
from research.backtest import Request, settings_for
from research.data import store
from research.data.candles import Candles
from research.engine import Prepared, RawResult, Style
from research.errors import ResearchError
from research.loops import types as t
from research.metrics.summary import by_key, figures
from research.sweep.points import Point, key_of
from shared.settings import Settings, SettingsError

Row = dict[str, Any]
# Read by the rulebook's loop, never by a built-in strategy: signals need not be made anew for them.
_RULE_KEYS = frozenset(
    {
        "take_profit_pct",
        "runner_tp_mult",
        "scalp_tp_dec_mode",
        "scalp_tp_decay_factor",
        "scalp_tp_dec_pct",
        "scalp_tp_min_pct",
        "scalp_tp_decay_enable",
        "pyramid_min_adverse_pct",
        "pyramid_decay_lambda",
        "pyramid_decay_min_pct",
        "pyramid_min_seconds_between",
        "allow_pyramiding",
        "stop_loss_pct",
        "trail_activate_pct",
        "trail_distance_pct",
        "max_concurrent_lots",
        "max_total_lots",
        "risk_per_trade_pct",
        "order_min_usd",
        "max_order_usd",
        "use_live_equity",
        "usd_equity",
        "vol_risk_adjust",
        "max_daily_loss_pct",
        "max_daily_loss_usd",
        "daily_breaker_mark_to_market",
        "take_profit_order",
        "edge_gate",
        "min_edge_pct",
        "sizing",
        "fixed_order_usd",
        "max_product_usd",
        "max_total_usd",
        "max_drawdown_pct",
        "max_consecutive_losses",
        "max_vol_spike",
        "reduce_only",
        "trading_window_utc",
    }
)
_OWN = ("sma_cross", "logistic", "momentum", "rsi_reversion")
KEPT_SIGNALS = 4


@dataclass(slots=True)
class Bench:
    """What all points of a sweep share: prepared data, running sums, a few arrays of signals, room for results."""

    request: Request
    prepared: Prepared
    sums: tuple[Any, Any]
    kept: dict[Any, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    rooms: threading.local = field(default_factory=threading.local)

    @staticmethod
    def of(candles: Sequence[Candles], request: Request) -> "Bench":
        prepared = engine.prepare(candles)
        return Bench(request, prepared, engine.return_sums(prepared))

    def room(self) -> t.Out:
        """This thread's arrays, written anew at every point."""
        room: t.Out | None = getattr(self.rooms, "out", None)
        if room is None:
            room = engine.new_out(2 * engine.CAPACITY, len(self.prepared.times))
            self.rooms.out = room
        return room

    def signals(self, settings: Settings) -> Any:
        """BUY and SELL of every bar; kept where only the rulebook's settings differ."""
        if signals.has_fast_form(settings):
            return signals.fast(settings, self.prepared)
        fields = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
        if settings.strategy in _OWN:
            fields = {name: value for name, value in fields.items() if name not in _RULE_KEYS}
        key = repr(sorted(fields.items()))
        with self.lock:
            found = self.kept.get(key)
        if found is None:
            found = signals.fast(settings, self.prepared)
            with self.lock:
                while len(self.kept) >= KEPT_SIGNALS:
                    self.kept.pop(next(iter(self.kept)))
                self.kept[key] = found
        return found


def evaluate(bench: Bench, point: Point) -> Row:
    """The point's figures; {"error": …} where its settings contradict each other or its strategy fails."""
    try:
        result = result_of(bench, point)
    except (ResearchError, SettingsError, StrategyError) as error:
        return {"point": dict(point), "error": str(error)}
    return {"point": dict(point), "figures": dict(by_key(figures(result, chances=False)))}


def result_of(bench: Bench, point: Point) -> RawResult:
    """The point's run. Raises ResearchError, SettingsError, StrategyError. Gone when this thread runs the next."""
    settings = settings_for({**bench.request.overrides, **point}, bench.prepared.candles)
    said = bench.signals(settings)
    if bench.request.style is Style.FLIP:
        return engine.run_flip(bench.prepared, said[0], bench.request.model, room=bench.room())
    model, room = bench.request.model, bench.room()
    return engine.run_lots(bench.prepared, said, settings, model, sums=bench.sums, room=room)


def in_threads(bench: Bench, points: Sequence[Point], jobs: int) -> Iterator[Row]:
    """Rows as they are finished. The loops run without Python's lock, so threads are enough and share the data."""
    if jobs == 1:
        for point in points:
            yield evaluate(bench, point)
        return
    with ThreadPoolExecutor(jobs) as pool:
        yield from _as_finished([functools.partial(pool.submit, evaluate, bench, point) for point in points], 4 * jobs)


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


_worker: dict[str, Bench] = {}


def work(paths: Sequence[str], request: Request, points: Sequence[Point]) -> list[Row]:
    """A stretch of points in a worker process, which keeps the prepared data for the next stretch."""
    key = repr((paths, request.since_s, request.until_s))
    bench = _worker.get(key)
    if bench is None:
        candles = [store.load(Path(path)).between(request.since_s, request.until_s) for path in paths]
        bench = Bench.of(candles, request)
        _worker.clear()
        _worker[key] = bench
    bench.request = request
    return [evaluate(bench, point) for point in points]


def in_processes(paths: Sequence[str], request: Request, points: Sequence[Point], jobs: int) -> Iterator[Row]:
    """The same in processes of their own, for strategies that hold Python's lock."""
    import multiprocessing  # noqa: PLC0415

    # Each process uses one core: libraries that start threads of their own would only stand in each other's way.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        submits = [functools.partial(pool.submit, work, paths, request, [point]) for point in points]
        for rows in _as_finished(submits, 2 * jobs):
            yield from rows


def in_ray(
    candles: Sequence[Candles], request: Request, points: Sequence[Point], address: str, jobs: int
) -> Iterator[Row]:
    """The same on a Ray cluster; `address` "local" starts one of `jobs` workers here. Raises ResearchError."""
    try:
        import ray  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        raise ResearchError("--engine ray needs Ray: .venv/bin/python -m pip install ray") from error
    from research.sweep.ray_worker import stretch  # noqa: PLC0415

    if address == "local":
        ray.init(num_cpus=jobs, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    else:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        shared = ray.put((list(candles), request))
        task = ray.remote(stretch)
        each = max(1, min(50, len(points) // (4 * jobs)))
        waiting = [task.remote(shared, points[i : i + each]) for i in range(0, len(points), each)]
        while waiting:
            done, waiting = ray.wait(waiting)
            for rows in ray.get(done):
                yield from rows
    finally:
        ray.shutdown()


def order_of(points: Sequence[Point]) -> Mapping[str, int]:
    return {key_of(point): i for i, point in enumerate(points)}
