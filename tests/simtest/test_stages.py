"""Every rule is judged somewhere: the few that drawn seeds seldom reach have a stage of their own, and hold on it."""

import pytest

from simtest.judge.published_rules import PUBLISHED_SELDOM
from simtest.judge.reference_rules import REFERENCE_SELDOM
from simtest.judge.rules import RULES, SELDOM
from simtest.judged_run import judged
from tests.simtest.stages import STAGES


@pytest.mark.parametrize("name", STAGES)
def test_its_rules_are_judged_and_hold(name: str) -> None:
    stage = STAGES[name]
    record = judged(stage.plan)
    assert not record["breaches"], record["breaches"]
    missed = [rule for rule in stage.rules if not record["judged"][rule]]
    assert not missed, "the stage is set for these, and nothing on it could have broken them"


def test_each_rule_that_seeds_seldom_reach_has_a_stage() -> None:
    staged = {rule for stage in STAGES.values() for rule in stage.rules}
    assert staged <= RULES.keys()
    # Those of the reference model and of what is published are proven by bots that break them, those of alerts by
    # watchers that do (test_alert_judge.py).
    proven = {*REFERENCE_SELDOM, *PUBLISHED_SELDOM, *(rule for rule in SELDOM if rule.startswith("I17 ALERT/"))}
    assert sorted(SELDOM.keys() - proven - staged) == []
