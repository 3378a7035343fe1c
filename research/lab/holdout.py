"""The holdout: the locked last part of a product's data, which a result is checked against once.

What was looked at before it is checked decides nothing: a choice may have been made for it. So backtests, sweeps and
walk forwards leave the locked part out unless they are told `--with-holdout`, and every trial that reaches into it
counts as a look. The lab's own look is written into the registry, with its outcome.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from research.backtest import BacktestRequest
from research.data import store
from research.data.store import StoredSet
from research.errors import Misused, ResearchError
from research.lab.trials import RegistryContents, TrialRegistry
from shared.times import from_epoch_ms

PART = 0.2  # of the bars, where nothing else is said
MIN_BARS = 100  # of a holdout


@dataclass(frozen=True, slots=True)
class HoldoutLock:
    """Bars of `product_id` that open from `from_s` on; `until_s`: the end of the data when it was locked. Seconds."""

    product_id: str
    from_s: int
    until_s: int
    at: str

    def holds(self, one: StoredSet) -> bool:
        """Whether the set has bars in the locked part."""
        return one.product_id == self.product_id and one.first_s < self.until_s and self.from_s <= one.last_s


@dataclass(frozen=True, slots=True)
class HoldoutLook:
    """One look that the lab took. `subject`: the key of the question that it was taken for. Times in seconds."""

    subject: str
    products: tuple[str, ...]
    from_s: int
    until_s: int
    at: str


def locks(contents: RegistryContents) -> list[HoldoutLock]:
    """Every lock that was not used up by a look, oldest first."""
    return [one for one in _all_locks(contents) if not _used_up(one, contents)]


def used(contents: RegistryContents) -> list[HoldoutLock]:
    """The locks that a look used up."""
    return [one for one in _all_locks(contents) if _used_up(one, contents)]


def _all_locks(contents: RegistryContents) -> list[HoldoutLock]:
    keys = ("product_id", "from_s", "until_s", "at")
    return [HoldoutLock(*(one[key] for key in keys)) for one in contents.of("lock")]


def _used_up(lock: HoldoutLock, contents: RegistryContents) -> bool:
    return any(lock.product_id in one.products and one.from_s <= lock.from_s < one.until_s for one in looks(contents))


def looks(contents: RegistryContents) -> list[HoldoutLook]:
    """Every look that the lab took."""
    return [
        HoldoutLook(one["subject"], tuple(one["products"]), one["from_s"], one["until_s"], one["at"])
        for one in contents.of("look")
    ]


def seen_until(contents: RegistryContents, product_id: str) -> int:
    """The end of the newest bar of the product that a trial or a look has seen; 0 = none."""
    ends = [trial.until_s for trial in contents.trials if product_id in trial.products]
    ends += [look.until_s for look in looks(contents) if product_id in look.products]
    return max(ends, default=0)


def lock(registry: TrialRegistry, one: StoredSet, part: float = PART) -> HoldoutLock | None:
    """Lock the last `part` of the set's time, as far as nothing has seen it; None = a lock is there already.

    Raises Misused for a part that is none, ResearchError where too few bars are left that nothing has seen.
    """
    if not 0 < part <= 0.9:
        raise Misused(f"{part:g} is no part of the data to lock: above 0, at most 0.9")
    contents = registry.read()
    if any(known.holds(one) for known in locks(contents)):
        return None
    end = one.last_s + one.granularity_s
    from_s = max(one.first_s + round((end - one.first_s) * (1 - part)), seen_until(contents, one.product_id))
    from_s = -(-from_s // one.granularity_s) * one.granularity_s
    if (end - from_s) // one.granularity_s < MIN_BARS:
        raise ResearchError(
            f"{one.name}: fewer than {MIN_BARS} bars are left that no trial has seen; import or download newer ones"
        )
    registry.note("lock", product_id=one.product_id, from_s=from_s, until_s=end)
    return HoldoutLock(one.product_id, from_s, end, "")


def locked(data_dir: Path, names: Iterable[str], contents: RegistryContents) -> list[HoldoutLock]:
    """The locks on bars of these sets. Raises ResearchError for a set that is not there."""
    known = locks(contents)
    if not known:
        return []
    sets = [store.entry(store.find(data_dir, name)) for name in names]
    return [one for one in known if any(one.holds(entry) for entry in sets)]


@dataclass(frozen=True, slots=True)
class Spared:
    """A question that leaves the holdout alone, and the sentence that says so; "" = nothing was left out."""

    request: BacktestRequest
    note: str


def spare(data_dir: Path, request: BacktestRequest, with_holdout: bool) -> Spared:
    """The request without locked bars. Raises ResearchError where nothing else is left of it."""
    found = locked(data_dir, request.data, TrialRegistry(data_dir).read())
    from_s = min((one.from_s for one in found), default=None)
    if from_s is None:
        return Spared(request, "")
    sets = [store.entry(store.find(data_dir, name)) for name in request.data]
    # A bar longer than those that were locked may begin before the holdout and end in it: it has seen it, too.
    last_end_s = min(from_s - (from_s - one.first_s) % one.granularity_s for one in sets)
    if request.until_s is not None and request.until_s <= last_end_s:
        return Spared(request, "")
    begin = f"{from_epoch_ms(from_s * 1000):%Y-%m-%d %H:%M} UTC"
    if with_holdout:
        return Spared(request, f"The holdout from {begin} on is used: it counts as a look, and ./coin lab will say so")
    last_s = max(one.last_s for one in sets)
    if request.since_s is not None and from_s <= request.since_s <= last_s:
        raise ResearchError(
            f"all bars that are asked for belong to the holdout from {begin} on: --with-holdout uses it"
        )
    note = f"Bars from {begin} on are the holdout and were left out: ./coin lab looks at them once (--with-holdout)"
    return Spared(dataclasses.replace(request, until_s=last_end_s), note)


def earlier_looks(
    contents: RegistryContents, found: Sequence[HoldoutLock], subject: str, before: str | None = None
) -> list[str]:
    """Who has seen bars of the locks, each sweep, walk and run once: `sweep 3f2a…`. The subject's own look is none.

    `before`: the time of that look; what came after it decided nothing.
    """
    said: dict[str, None] = {}
    for trial in contents.trials:
        if any(
            one.product_id in trial.products and trial.first_s < one.until_s and one.from_s < trial.until_s
            for one in found
        ) and (before is None or trial.at < before):
            said[f"{trial.kind} {trial.group}"] = None
    others = [look for look in _others(contents, found, subject) if before is None or look.at < before]
    return [*said, *(f"look of {look.at}" for look in others)]


def _others(contents: RegistryContents, found: Sequence[HoldoutLock], subject: str) -> list[HoldoutLook]:
    return [
        look for look in looks(contents)
        if look.subject != subject and any(
            one.product_id in look.products and look.from_s < one.until_s and one.from_s < look.until_s for one in found
        )
    ]  # fmt: skip


def own_look(contents: RegistryContents, subject: str) -> Mapping[str, Any] | None:
    """The record of the look that was taken for this very question, with its outcome; None = none yet."""
    return next((one for one in contents.of("look") if one["subject"] == subject), None)
