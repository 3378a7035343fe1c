"""The bars that the bot itself saw (market.db) as a candle set: what it decided on, for training and backtests.

The bot keeps minutes for two weeks and longer bars for longer; a set that is taken again and again keeps all of them.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from research.data import store
from research.data.candles import WIRE_NAMES, CandleSet, granularity_text
from research.data.importer import Imported, checked
from research.errors import Misused, ResearchError
from shared.market_data import open_market_reader, read_candles

ALL = 1 << 40
COLUMNS = ("open", "high", "low", "close", "volume")


def take(data_dir: Path, market_db: Path, product_id: str, granularity_s: int, name: str) -> tuple[Imported, int]:
    """The set `name` with the bot's bars in it: (the whole of it, how many bars are new). Not saved yet.

    Bars that the set has and the bot no longer keeps stay; of one that both have, the bot's counts where its volume is
    not smaller. Raises ResearchError.
    """
    wire = WIRE_NAMES.get(granularity_s)
    if wire is None:
        known = ", ".join(granularity_text(seconds) for seconds in WIRE_NAMES)
        raise Misused(f"the bot has no bars of {granularity_text(granularity_s)}; it may have {known}")
    rows = _rows(market_db, product_id, wire)
    old = _old(data_dir, name, product_id, granularity_s)
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    start, columns = table[:, 0].astype(np.int64), [np.ascontiguousarray(table[:, i]) for i in range(1, 6)]
    tick = step = None
    if old is not None:
        start = np.concatenate([old.start_s, start])
        columns = [
            np.concatenate([getattr(old, one), mine]) for one, mine in zip(COLUMNS, columns, strict=True)
        ]  # fmt: skip
        tick, step = old.price_increment, old.base_increment
    said = [f"{len(rows):,} bars that the bot recorded"]
    found = checked(
        product_id, start, dict(zip(COLUMNS, columns, strict=True)), said, "the bot's market.db", granularity_s, tick,
        step, data_dir=data_dir,
    )  # fmt: skip
    return found, len(found.candles) - (0 if old is None else len(old))


def _rows(market_db: Path, product_id: str, wire: str) -> list[tuple[float, ...]]:
    """The bot's bars. Raises ResearchError that says what it has where it has none of these."""
    try:
        with closing(open_market_reader(market_db)) as db:
            rows = read_candles(db, product_id, wire, ALL)
            kinds = db.execute("SELECT DISTINCT product_id, granularity FROM candles ORDER BY 1, 2").fetchall()
    except sqlite3.Error as error:
        raise ResearchError(f"the bot has recorded no bars yet: {market_db.name} can't be read ({error})") from error
    if not rows:
        seconds = {name: length for length, name in WIRE_NAMES.items()}
        there = ", ".join(f"{one} {granularity_text(seconds[kind])}" for one, kind in kinds if kind in seconds)
        raise ResearchError(f"the bot has no such bars of {product_id}; it has {there or 'none at all'}")
    return [tuple(row) for row in rows]


def _old(data_dir: Path, name: str, product_id: str, granularity_s: int) -> CandleSet | None:
    """The set of that name so far. Raises ResearchError where it is of something else."""
    path = store.folder(data_dir) / f"{name}.parquet"
    if not path.exists():
        return None
    old = store.load(path)
    if (old.product_id, old.granularity_s) != (product_id, granularity_s):
        what = f"{old.product_id}, bars of {granularity_text(old.granularity_s)}"
        raise ResearchError(f"the set {name} holds {what}: another --name")
    return old
