"""Values of actions in a table (Watkins, 1989): a few features in bins, learned by acting in the compiled account."""

import numpy as np

from bot.strategies import features
from bot.strategies.inference.evaluators import ActionTable
from research.data.candles import Floats, Ints
from research.learning.environment import TradingEnvironment, Transitions
from research.learning.learner import FittedModel, LearningTask
from research.learning.samples import all_rows
from research.learning.value_learning import REWARD_LIMIT, explored, known_stretch

# What a table can bear: the newest move, where the price lies in its range, and the trend.
COLUMNS = ("return_5", "rsi_14", "sma_gap_10_30", "momentum_60")
CHUNK = 128  # bars that are acted on with one state of the table


def learn(task: LearningTask) -> FittedModel:
    """Cells by quantiles of the training rows; each visit moves a cell by 1 / its visits, at least `rate`."""
    parts = [known_stretch(one) for one in task.parts]
    names = features.names(task.draft.features.name)
    chosen = [names.index(one) for one in COLUMNS if one in names]
    rows, bins = all_rows(task.parts), int(task.parameters["bins"])
    edges = np.array([np.quantile(rows[:, column], np.arange(1, bins) / bins) for column in chosen])
    table = np.zeros((bins ** len(chosen), 4))
    columns = np.array(chosen, dtype=np.int64)
    made = ActionTable(columns, edges, table)
    cells = [made.cells(one.rows) for one in parts]
    worlds = [TradingEnvironment(one.candles, task.settings, task.market) for one in parts]
    random, visits = np.random.default_rng(task.seed), np.zeros(table.shape, dtype=np.int64)
    p, passes = task.parameters, int(task.parameters["passes"])
    for number in range(passes):
        share = float(np.interp(number, [0, max(passes - 1, 1)], [p["explore_first"], p["explore_last"]]))
        for world, cell in zip(worlds, cells, strict=True):
            world.reset()
            forced, values = explored(random, len(cell), share), np.zeros((len(cell), 4))
            while world.at < world.bars:
                part = slice(world.at, min(world.at + CHUNK, world.bars))
                values[part] = table[cell[part]]
                update(table, visits, cell, world.act(values, forced, CHUNK), p["discount"], p["rate"])
        task.progress()
    arrays = {"columns": columns, "edges": edges, "table": table}
    return FittedModel(arrays, said={"cells_visited": float((visits.sum(axis=1) > 0).mean())})


def update(table: Floats, visits: Ints, cells: Ints, seen: Transitions, discount: float, rate: float) -> None:
    """One step of Q-learning for each transition, in their order."""
    reward = np.clip(seen.reward, -REWARD_LIMIT, REWARD_LIMIT).tolist()
    here, after = cells[seen.bar].tolist(), cells[seen.bar + 1].tolist()
    for cell, held, action, gain, follows in zip(
        here, seen.held.tolist(), seen.action.tolist(), reward, after, strict=True
    ):
        place = 2 * held + action
        visits[cell, place] += 1
        best = max(table[follows, 2 * action], table[follows, 2 * action + 1])
        step = max(1.0 / visits[cell, place], rate)
        table[cell, place] += step * (gain + discount * best - table[cell, place])
