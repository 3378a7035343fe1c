"""Values of actions by a net of two hidden layers, learned by acting: gradients by JAX on the CPU, acting by the bot's
own numpy (requirements-learning.txt). Equal seeds, equal nets, on one machine."""

import functools
from typing import Any

import numpy as np

from bot.strategies.inference.nets import FeedForward, Standardised
from research.data.candles import Floats
from research.learning.learner import FittedModel, LearningTask, scale_of
from research.learning.packages import needed
from research.learning.samples import all_rows
from research.learning.value_learning import Batch, improve, known_stretch, standardised

LAYERS = 3


def learn(task: LearningTask) -> FittedModel:
    """Two hidden layers of `hidden` units, four outputs: state of the holding x action."""
    parts = [known_stretch(one) for one in task.parts]
    mean, std = scale_of(all_rows(task.parts))
    function = NetValues(len(mean), int(task.parameters["hidden"]), task.parameters["rate"], task.seed)
    growth = improve(task, function, standardised(parts, Standardised(mean, std)), parts)
    layers = {f"{name}{i}": array for i, pair in enumerate(function.layers()) for name, array in pair.items()}
    return FittedModel({"mean": mean, "std": std, **layers}, said={"growth_in_training": growth})


class NetValues:
    """A net with a slow copy."""

    def __init__(self, features: int, hidden: int, rate: float, seed: int) -> None:
        random, sizes = np.random.default_rng(seed), (features, hidden, hidden, 4)
        # He's initialisation; the last layer near zero, so that no action is preferred before anything was seen.
        spread = [np.sqrt(2.0 / before) for before in sizes[:-1]]
        spread[-1] *= 0.01
        self._net = [
            (random.normal(0.0, spread[i], (sizes[i], sizes[i + 1])).astype(np.float32),
             np.zeros(sizes[i + 1], dtype=np.float32))
            for i in range(LAYERS)
        ]  # fmt: skip
        zero = [(np.zeros_like(w), np.zeros_like(b)) for w, b in self._net]
        self._moments: Any = (zero, zero, np.float32(0.0))
        self._train = _training(rate)
        self.settle()

    def settle(self) -> None:
        """The slow copy becomes the newest."""
        self._slow = self._net

    def layers(self) -> list[dict[str, Floats]]:
        """As the bot's evaluator reads them."""
        return [
            {"weights": np.asarray(w, dtype=np.float64), "bias": np.asarray(b, dtype=np.float64)} for w, b in self._net
        ]

    def values(self, rows: Floats) -> Floats:
        """By the bot's own arithmetic."""
        return FeedForward(tuple((one["weights"], one["bias"]) for one in self.layers())).of(rows)

    def learn(self, batch: Batch, discount: float) -> None:
        """One step of Adam for each minibatch, compiled as one."""
        seen = (
            batch.rows.astype(np.float32), batch.next_rows.astype(np.float32), batch.place, batch.held_next,
            batch.reward.astype(np.float32),
        )  # fmt: skip
        self._net, self._moments = self._train(self._net, self._slow, self._moments, seen, np.float32(discount))


@functools.cache
def _training(rate: float) -> Any:
    """(net, slow net, moments, minibatches, discount) -> (net, moments)."""
    jax, jnp = needed("jax"), needed("jax.numpy")

    def forward(net: Any, rows: Any) -> Any:
        for i, (weights, bias) in enumerate(net):
            rows = (rows if i == 0 else jnp.maximum(rows, 0.0)) @ weights + bias
        return rows

    def loss(net: Any, slow: Any, batch: Any, discount: Any) -> Any:
        rows, after, place, held_next, reward = batch
        each, first = jnp.arange(len(place)), 2 * held_next
        newest = forward(net, after)
        better = first + (newest[each, first + 1] > newest[each, first])
        wanted = jax.lax.stop_gradient(reward + discount * forward(slow, after)[each, better])
        error = jnp.abs(forward(net, rows)[each, place] - wanted)
        return jnp.mean(jnp.where(error < 1.0, 0.5 * error * error, error - 0.5))

    def step(carried: Any, batch: Any) -> Any:
        net, slow, moments, discount = carried
        gradient = jax.grad(loss)(net, slow, batch, discount)
        net, moments = adam(jax, jnp, net, gradient, moments, rate)
        return (net, slow, moments, discount), None

    def train(net: Any, slow: Any, moments: Any, batches: Any, discount: Any) -> Any:
        (net, _, moments, _), _ = jax.lax.scan(step, (net, slow, moments, discount), batches)
        return net, moments

    return jax.jit(train)


def adam(jax: Any, jnp: Any, net: Any, gradient: Any, moments: Any, rate: float) -> Any:
    """(net, moments) after one step of Adam (Kingma and Ba, 2015)."""
    mean, square, count = moments
    count = count + 1.0
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, gradient)
    size = rate * jnp.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)
    moved = jax.tree.map(lambda w, m, s: w - size * m / (jnp.sqrt(s) + 1e-8), net, mean, square)
    return moved, (mean, square, count)
