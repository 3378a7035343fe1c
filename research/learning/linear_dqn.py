"""Values of actions as linear functions of the features, learned by acting: own numpy, no framework."""

import numpy as np

from bot.strategies.inference.nets import FeedForward, Standardised
from research.data.candles import Floats
from research.learning.adam import Adam
from research.learning.learner import FittedModel, LearningTask, scale_of
from research.learning.samples import all_rows
from research.learning.value_learning import Batch, improve, known_stretch, standardised


def learn(task: LearningTask) -> FittedModel:
    """One weight for each feature, state of the holding and action."""
    parts = [known_stretch(one) for one in task.parts]
    mean, std = scale_of(all_rows(task.parts))
    scale = Standardised(mean, std)
    function = LinearValues(len(mean), task.parameters["rate"])
    growth = improve(task, function, standardised(parts, scale), parts)
    arrays = {"mean": mean, "std": std, "weights0": function.weights, "bias0": function.bias}
    return FittedModel(arrays, said={"growth_in_training": growth})


class LinearValues:
    """rows @ weights + bias, with a slow copy of both."""

    def __init__(self, features: int, rate: float) -> None:
        self.weights, self.bias = np.zeros((features, 4)), np.zeros(4)
        self._adam = Adam([self.weights, self.bias], rate)
        self.settle()

    def settle(self) -> None:
        """The slow copy becomes the newest."""
        self._slow = (self.weights.copy(), self.bias.copy())

    def values(self, rows: Floats) -> Floats:
        """By the bot's own arithmetic."""
        return FeedForward(((self.weights, self.bias),)).of(rows)

    def learn(self, batch: Batch, discount: float) -> None:
        """One step for each minibatch, errors beyond 1 counted as 1 (Huber)."""
        slow, slow_bias = self._slow
        for number in range(len(batch.reward)):
            rows, after = batch.rows[number], batch.next_rows[number]
            place, first = batch.place[number], 2 * batch.held_next[number]
            each = np.arange(len(rows))
            newest, slowly = after @ self.weights + self.bias, after @ slow + slow_bias
            better = first + (newest[each, first + 1] > newest[each, first])
            wanted = batch.reward[number] + discount * slowly[each, better]
            error = (rows @ self.weights + self.bias)[each, place] - wanted
            pull = np.zeros((len(rows), 4))
            pull[each, place] = np.clip(error, -1.0, 1.0) / len(rows)
            self._adam.step([rows.T @ pull, pull.sum(axis=0)])
