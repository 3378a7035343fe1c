"""The candle sets as the page shows them: what each holds, and on which days bars are missing."""

import time
from pathlib import Path

import numpy as np

from research.data import store
from research.data.candles import CandleSet, Ints, gaps
from research.data.store import StoredSet
from research.errors import ResearchError
from research.lab import holdout
from research.lab.trials import RegistryContents, TrialRegistry
from shared.documents.lab import LabSet, LabSets, encode
from shared.files import write_whole
from shared.lab_files import LabFolder

DAY_S = 86_400


def day_parts(start_s: Ints, granularity_s: int) -> list[int]:
    """For each UTC day from the first bar's to the last one's, the part of its bars that is there, 0 to 100.

    Of the first and the last day only the bars from the first and up to the last one are asked for.
    """
    if not len(start_s):
        return []
    first, last = int(start_s[0]), int(start_s[-1])
    day = start_s // DAY_S - first // DAY_S
    there = np.bincount(day)
    begin = np.arange(first // DAY_S, last // DAY_S + 1) * DAY_S
    wanted = (np.minimum(begin + DAY_S, last + granularity_s) - np.maximum(begin, first)) / granularity_s
    parts: list[int] = np.minimum(np.ceil(there / np.maximum(wanted, 1.0) * 100), 100).astype(int).tolist()
    return parts


def describe(name: str, candles: CandleSet, size: int = 0) -> LabSet:
    """A set that is in hand."""
    lacking = gaps(candles)
    longest = lacking.longest(1)
    return LabSet(
        name=name, product_id=candles.product_id, granularity_s=candles.granularity_s, bars=len(candles),
        first_s=int(candles.start_s[0]), last_s=int(candles.start_s[-1]), missing=lacking.total,
        gaps=len(lacking.bars), digest=candles.digest, source=candles.source,
        price_increment=candles.price_increment, bytes=size, days=day_parts(candles.start_s, candles.granularity_s),
        longest_from_s=longest[0][0] if longest else None, longest_bars=longest[0][1] if longest else 0,
    )  # fmt: skip


class SetList:
    """Lists the sets; what did not change since the last list is not read again."""

    def __init__(self, folder: LabFolder) -> None:
        self._folder = folder
        self._data_dir = folder.root.parent

    def write(self) -> LabSets:
        """Read what is new, and write sets.json. Raises OSError."""
        before = self._folder.known_sets()
        known = {one.name: one for one in before.sets} if before is not None else {}
        contents = TrialRegistry(self._data_dir).read()
        sets, refused = [], {}
        for path in sorted(store.folder(self._data_dir).glob("*.parquet")):
            try:
                found = store.entry(path)
                size = path.stat().st_size
                old = known.get(found.name)
                fresh = old if old is not None and old.digest == found.digest else _read(path, found, size)
                sets.append(_with_holdout(fresh, found, contents))
            except (ResearchError, OSError) as error:
                refused[path.stem] = str(error)
        listed = LabSets(at_ms=time.time_ns() // 1_000_000, sets=sets, refused=refused, trials=len(contents.trials))
        write_whole(self._folder.sets, encode(listed), durable=False)
        return listed


def _read(path: Path, found: StoredSet, size: int) -> LabSet:
    return describe(found.name, store.load(path), size)


def _with_holdout(one: LabSet, found: StoredSet, contents: RegistryContents) -> LabSet:
    held = min((lock.from_s for lock in holdout.locks(contents) if lock.holds(found)), default=None)
    used = any(lock.holds(found) for lock in holdout.used(contents))
    values = {name: getattr(one, name) for name in LabSet.__dataclass_fields__}
    return LabSet(**values | {"holdout_from_s": held, "looked": used and held is None})
