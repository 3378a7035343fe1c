"""Every kind of model that can be trained, with what its training needs and its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from research.errors import Misused
from research.learning.learner import Learner
from research.learning.samples import REWARD, RISE

BASELINE = "logistic"
_ACTING: Mapping[str, float] = {
    "discount": 0.99, "explore_first": 0.5, "explore_last": 0.05, "passes": 4, "batch": 128, "updates": 32, "settle": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelKind:
    """`module`: of `research.learning`, whose `learn` fits it. `label`: what it learns from. `parameters`: defaults.
    `steps`: how often a fit tells of its progress, as the parameter that counts it, or a number."""

    name: str
    module: str
    idea: str
    label: str
    parameters: Mapping[str, float]
    steps: str | int = 2

    def learner(self) -> Learner:
        """Its module is loaded now: some load a framework."""
        found: Learner = import_module(f"research.learning.{self.module}").learn
        return found

    def progress_steps(self, parameters: Mapping[str, float]) -> int:
        """How often one fit tells of its progress."""
        return self.steps if isinstance(self.steps, int) else int(parameters[self.steps])


KINDS: Mapping[str, ModelKind] = {
    kind.name: kind
    for kind in (
        ModelKind("logistic", "logistic", "the baseline: a weight for each feature", RISE, {}),
        ModelKind(
            "lightgbm", "gradient_boosting", "gradient-boosted trees", RISE,
            {"trees": 80, "depth": 5, "rate": 0.05, "leaf_rows": 100},
        ),
        ModelKind(
            "qlearning", "qlearning", "values of actions in a table", REWARD,
            {"discount": 0.99, "explore_first": 0.5, "explore_last": 0.05, "passes": 6, "bins": 4, "rate": 0.002},
            "passes",
        ),
        ModelKind("linear_dqn", "linear_dqn", "values of actions as linear functions", REWARD,
                  {**_ACTING, "rate": 0.003}, "passes"),
        ModelKind("dqn", "dqn", "values of actions by a net of two hidden layers", REWARD,
                  {**_ACTING, "rate": 0.001, "hidden": 32}, "passes"),
        ModelKind("lstm", "lstm", "a net with a memory over the newest bars", RISE,
                  {"hidden": 12, "sequence": 24, "rate": 0.003, "passes": 2, "batch": 256}),
    )
}  # fmt: skip


def kind_of(name: str) -> ModelKind:
    """Raises Misused for a kind that there is not."""
    if name not in KINDS:
        raise Misused(f"--kind {name}: one of {', '.join(KINDS)}")
    return KINDS[name]


def parameters_of(kind: ModelKind, given: Mapping[str, str]) -> dict[str, float]:
    """The kind's parameters with those that were given. Raises Misused for names and values that can't be."""
    found = dict(kind.parameters)
    for name, text in given.items():
        key = name.lower()
        if key not in found:
            raise Misused(f"--param {key}: {kind.name} has {', '.join(found) or 'no parameters'}")
        try:
            value = float(text)
        except ValueError as error:
            raise Misused(f"--param {key}={text} is no number") from error
        if not 0.0 <= value <= 1e6:
            raise Misused(f"--param {key}={text} is out of range")
        found[key] = value
    return found
