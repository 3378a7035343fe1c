"""Learning the values of actions by acting: in the compiled account, from what was seen before, against a slow copy.

Deep Q-learning with replay and a target network (Mnih et al., 2015), the action that follows chosen by the newest
values and valued by the slow ones (double Q-learning, van Hasselt et al., 2016). A linear function takes the same way.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.strategies.inference.nets import Standardised
from research.data.candles import Floats, Ints
from research.errors import ResearchError
from research.learning.environment import Actions, TradingEnvironment, Transitions
from research.learning.learner import LEAST_ROWS, LearningTask
from research.learning.samples import LearningSamples

CHUNK = 1024  # bars that are acted on with one state of the values
STRETCH = 12  # bars that an exploring action lasts on average: single bars would pay fees for nothing
REWARD_LIMIT = 5.0  # percent: one bar must not decide everything
KEPT = 200_000  # transitions


class Batch(NamedTuple):
    """Minibatches: (updates, batch, …). `place`: 2 x held + action; `held_next`: after it."""

    rows: Floats
    next_rows: Floats
    place: Ints
    held_next: Ints
    reward: Floats


class ValueFunction(Protocol):
    """Values (rows, 4) of standardised rows; learns from minibatches; `settle` makes the slow copy the newest."""

    def values(self, rows: Floats) -> Floats: ...

    def learn(self, batch: Batch, discount: float) -> None: ...

    def settle(self) -> None: ...


class ReplayMemory:
    """The newest transitions, by the place of their state among all products' rows."""

    def __init__(self, rows: Floats, kept: int = KEPT) -> None:
        self._rows, self._kept = rows, kept
        self._at = np.zeros(kept, dtype=np.int64)
        self._place = np.zeros(kept, dtype=np.int64)
        self._action = np.zeros(kept, dtype=np.int64)
        self._reward = np.zeros(kept)
        self.seen = 0

    def add(self, found: Transitions, offset: int) -> None:
        """Transitions of the product whose rows begin at `offset`."""
        where = (self.seen + np.arange(len(found))) % self._kept
        self._at[where] = found.bar + offset
        self._place[where] = 2 * found.held.astype(np.int64) + found.action
        self._action[where] = found.action
        self._reward[where] = np.clip(found.reward, -REWARD_LIMIT, REWARD_LIMIT)
        self.seen += len(found)

    def draw(self, random: np.random.Generator, updates: int, size: int) -> Batch:
        """Drawn evenly, with replacement."""
        one = random.integers(0, min(self.seen, self._kept), (updates, size))
        at = self._at[one]
        return Batch(self._rows[at], self._rows[at + 1], self._place[one], self._action[one], self._reward[one])


def known_stretch(part: LearningSamples) -> LearningSamples:
    """The samples from the first bar on whose features are all known. Raises ResearchError where few are left."""
    known = np.flatnonzero(np.isfinite(part.rows).all(axis=1))
    first = int(known[0]) if len(known) else len(part)
    if len(part) - first < LEAST_ROWS:
        raise ResearchError(f"{part.candles.name}: {len(part) - first:,} bars are too few to learn from")
    cut = slice(first, None)
    return LearningSamples(
        part.candles.rows(first, len(part)), part.feature_set, part.label, part.rows[cut], part.known_at[cut],
        part.resolves_at[cut], part.rises[cut],
    )  # fmt: skip


def standardised(parts: list[LearningSamples], scale: Standardised) -> list[Floats]:
    """Each product's rows as a net takes them; a feature that is not known in between counts as average."""
    return [np.nan_to_num(scale.of(one.rows)) for one in parts]


def explored(random: np.random.Generator, count: int, share: float) -> Actions:
    """-1 where the values decide; else an action that is tried for a stretch of bars. `share`: of the bars."""
    turns = random.random(count) < 1.0 / STRETCH
    stretch = np.cumsum(turns)
    tried = random.random(int(stretch[-1]) + 1) < share if count else np.zeros(1, dtype=np.bool_)
    action = random.integers(0, 2, len(tried))
    return np.where(tried[stretch], action[stretch], -1).astype(np.int8)


def improve(task: LearningTask, function: ValueFunction, scaled: list[Floats], parts: list[LearningSamples]) -> float:
    """Act and learn for `passes` over all bars; answers the account's growth in the last pass, without exploring.

    `scaled`: the rows of each product as the function takes them. Seeded: equal seeds, equal values.
    """
    p, random = task.parameters, np.random.default_rng(task.seed)
    passes, size, updates = int(p["passes"]), int(p["batch"]), int(p["updates"])
    memory = ReplayMemory(np.concatenate(scaled))
    offsets = np.cumsum([0, *(len(one) for one in scaled)]).tolist()
    worlds = [TradingEnvironment(one.candles, task.settings, task.market) for one in parts]
    steps = 0
    for number in range(passes):
        share = float(np.interp(number, [0, max(passes - 1, 1)], [p["explore_first"], p["explore_last"]]))
        for world, rows, offset in zip(worlds, scaled, offsets, strict=False):
            world.reset()
            values, forced = np.zeros((len(rows), 4)), explored(random, len(rows), share)
            while world.at < world.bars:
                part = slice(world.at, min(world.at + CHUNK, world.bars))
                values[part] = function.values(rows[part])
                memory.add(world.act(values, forced, CHUNK), offset)
                if memory.seen < size:
                    continue
                function.learn(memory.draw(random, updates, size), p["discount"])
                steps += 1
                if steps % int(p["settle"]) == 0:
                    function.settle()
        task.progress()
    return float(np.mean([_growth(world, function.values(rows)) for world, rows in zip(worlds, scaled, strict=True)]))


def _growth(world: TradingEnvironment, values: Floats) -> float:
    """The account at the end as a part of what it began with, by these values alone."""
    world.reset()
    none: NDArray[np.int8] = np.full(world.bars, -1, dtype=np.int8)
    world.act(values, none, world.bars)
    return float(world.equity[-1] / world.equity[0])
