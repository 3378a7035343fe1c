"""A backtest that is watched: bar after bar at BACKTEST_SLEEP_MS each, with every lot as it opens and closes.

The run is over by then, so that a look at it changes no figure. Ctrl-C goes to the result at once.
"""

import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TextIO

from research.engine import RawResult
from research.lots_table import rows
from shared.times import from_epoch_ms

Sleep = Callable[[float], None]
CLEAR = "\r\x1b[K"


def events(result: RawResult) -> Iterator[tuple[int, datetime, float, list[str]]]:
    """(bar number, its close, equity then, what happened to lots in it), bar after bar."""
    said: dict[int, list[str]] = defaultdict(list)
    for lot in rows(result):
        what = f"{lot['product_id']} {lot['kind']}"
        said[_second(lot["opened"])].append(f"BUY  {what} {lot['base_size']} at {lot['entry_price']}")
        if lot["closed"]:
            text = f"SELL {what} at {lot['exit_price']}: {lot['exit_reason']}, {lot['pnl']:+,.2f}"
            said[_second(lot["closed"])].append(text)
    times = result.prepared.times.tolist()
    moments = sorted(said)
    at = 0
    for number, close_s in enumerate(times):
        lines = []
        while at < len(moments) and moments[at] <= close_s:
            lines += said[moments[at]]
            at += 1
        yield number, from_epoch_ms(close_s * 1000), float(result.equity[number]), lines
    rest = [line for moment in moments[at:] for line in said[moment]]
    if rest:
        yield len(times) - 1, from_epoch_ms(times[-1] * 1000), float(result.equity[-1]), rest


def watch(result: RawResult, sleep_ms: int, out: TextIO = sys.stdout, sleep: Sleep = time.sleep) -> None:
    """Show the run at so many milliseconds a bar."""
    currency = result.prepared.candles[0].product_id.partition("-")[2]
    seen = out.isatty()
    with contextlib.suppress(KeyboardInterrupt):
        for number, at, equity, lines in events(result):
            clock = f"{at:%Y-%m-%d %H:%M}"
            for line in lines:
                out.write(f"{CLEAR if seen else ''}  {clock}  {line}\n")
            if seen:
                count = f"bar {number + 1:,} of {len(result.prepared.times):,}"
                out.write(f"{CLEAR}  {clock}  {count}  equity {equity:,.2f} {currency}")
            out.flush()
            sleep(sleep_ms / 1000)
    if seen:
        out.write(CLEAR)


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
