"""A net with a memory over the newest rows (long short-term memory), trained by JAX on the CPU
(requirements-learning.txt) and taken over as plain arrays. Equal seeds, equal nets, on one machine."""

import functools
from typing import Any

import numpy as np

from bot.strategies.inference.nets import Standardised
from bot.strategies.inference.trained import whole_sequences
from research.errors import ResearchError
from research.learning.dqn import adam
from research.learning.learner import LEAST_ROWS, FittedModel, LearningTask, scale_of
from research.learning.packages import needed
from research.learning.samples import LearningSamples, all_rows
from research.learning.supervised import fit_supervised

MOST_ROWS = 120_000  # sequences of one pass: a longer history is thinned out evenly
UPDATES = 4  # minibatches that are compiled as one


def learn(task: LearningTask) -> FittedModel:
    """One layer of `hidden` units over `sequence` rows."""
    return fit_supervised(task, _fit)


def _fit(task: LearningTask, parts: tuple[LearningSamples, ...]) -> FittedModel:
    p, random = task.parameters, np.random.default_rng(task.seed)
    hidden, sequence, size = int(p["hidden"]), int(p["sequence"]), int(p["batch"])
    mean, std = scale_of(all_rows(parts))
    scale = Standardised(mean, std)
    rows = np.concatenate([np.nan_to_num(scale.of(one.rows)) for one in parts]).astype(np.float32)
    rises = np.concatenate([one.rises for one in parts]).astype(np.float32)
    ends = _ends(parts, sequence)
    if len(ends) < max(LEAST_ROWS, size * UPDATES):
        raise ResearchError(f"{len(ends):,} sequences of {sequence} bars are too few to learn from")
    ends = ends[:: max(len(ends) // MOST_ROWS, 1)]
    net = _fresh(random, len(mean), hidden, float(rises[ends].mean()))
    train, moments = _training(p["rate"]), _nothing(net)
    steps = np.arange(1 - sequence, 1)
    for _ in range(int(p["passes"])):
        order = random.permutation(ends)
        for at in range(0, len(order) - size * UPDATES + 1, size * UPDATES):  # the rest would be compiled anew
            batch = order[at : at + size * UPDATES].reshape(UPDATES, size)
            net, moments = train(net, moments, (rows[batch[:, :, None] + steps], rises[batch]))
    arrays = {name: np.asarray(array, dtype=np.float64) for name, array in net.items()}
    return FittedModel({"mean": mean, "std": std, **arrays}, sequence=sequence)


def _ends(parts: tuple[LearningSamples, ...], sequence: int) -> Any:
    """Places (among all products' rows) at which a whole sequence of known rows ends that has a label."""
    found, offset = [], 0
    for one in parts:
        found.append(offset + np.flatnonzero(whole_sequences(one.rows, sequence) & one.labelled))
        offset += len(one)
    return np.concatenate(found)


def _fresh(random: Any, features: int, hidden: int, rate: float) -> dict[str, Any]:
    """Glorot's initialisation; the forget gate open at first, the output at the rate of rises."""
    odds = min(max(rate, 1e-3), 1.0 - 1e-3)
    bias = np.zeros(4 * hidden, dtype=np.float32)
    bias[hidden : 2 * hidden] = 1.0
    return {
        "inputs": random.normal(0.0, np.sqrt(1.0 / features), (features, 4 * hidden)).astype(np.float32),
        "states": random.normal(0.0, np.sqrt(1.0 / hidden), (hidden, 4 * hidden)).astype(np.float32),
        "bias": bias,
        "out": np.zeros(hidden, dtype=np.float32),
        "out_bias": np.array([np.log(odds / (1.0 - odds))], dtype=np.float32),
    }


def _nothing(net: dict[str, Any]) -> Any:
    zero = {name: np.zeros_like(array) for name, array in net.items()}
    return zero, zero, np.float32(0.0)


@functools.cache
def _training(rate: float) -> Any:
    """(net, moments, minibatches) -> (net, moments)."""
    jax, jnp = needed("jax"), needed("jax.numpy")

    def log_odds(net: Any, rows: Any) -> Any:
        hidden = len(net["out"])
        seen = rows @ net["inputs"] + net["bias"]
        begin = jnp.zeros((rows.shape[0], hidden))

        def remember(carried: Any, now: Any) -> Any:
            h, cell = carried
            gates = now + h @ net["states"]
            opened = jax.nn.sigmoid(gates)
            proposed = jnp.tanh(gates[:, 2 * hidden : 3 * hidden])
            cell = opened[:, hidden : 2 * hidden] * cell + opened[:, :hidden] * proposed
            return (opened[:, 3 * hidden :] * jnp.tanh(cell), cell), None

        (h, _), _ = jax.lax.scan(remember, (begin, begin), jnp.swapaxes(seen, 0, 1))
        return h @ net["out"] + net["out_bias"][0]

    def loss(net: Any, batch: Any) -> Any:
        rows, rises = batch
        z = log_odds(net, rows)
        return jnp.mean(jnp.maximum(z, 0.0) - rises * z + jnp.log1p(jnp.exp(-jnp.abs(z))))

    def step(carried: Any, batch: Any) -> Any:
        net, moments = carried
        return adam(jax, jnp, net, jax.grad(loss)(net, batch), moments, rate), None

    def train(net: Any, moments: Any, batches: Any) -> Any:
        return jax.lax.scan(step, (net, moments), batches)[0]

    return jax.jit(train)
