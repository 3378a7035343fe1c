"""The risk policies: what becomes of one that raises; a new one is asked everywhere without a further edit."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.kinds import Purpose, Side
from bot.engine.risk import gates, pretrade
from bot.engine.risk.guard import Guard, Planned, at_decision
from bot.engine.risk.policies import registry
from bot.engine.risk.policy import Backtest, Failure, Moment, RiskPolicy, guard_policy
from cli import risk_table
from shared.control import TradingState
from shared.live_permission import bound_values
from shared.settings import Settings, keys
from tests.core.harness import D, Rig, notes, one, places

BTC = "BTC-USD"
ALL = registry.POLICIES.all


def put(monkeypatch: pytest.MonkeyPatch, *policies: RiskPolicy) -> None:
    """The list with these: in the place of those with the same code, else at its end."""
    new = {policy.code: policy for policy in policies}
    kept = [new.pop(policy.code, policy) for policy in ALL]
    monkeypatch.setattr(registry, "POLICIES", registry.RiskPolicies([*kept, *new.values()]))


def broken(*_args: Any) -> Any:
    raise ZeroDivisionError("planted")


def ready(**settings: Any) -> Rig:
    rig = Rig(**settings)
    rig.price("100")
    return rig


def start(rig: Rig) -> None:
    """A person looks and presses Start."""
    rig.level(TradingState.PAUSE)
    rig.level(TradingState.RUN)


def blocked(rig: Rig) -> str | None:
    return rig.view.risk.document().entries_blocked


# What is declared holds together.


def test_every_policy_is_asked_at_some_moment_and_says_what_a_backtest_does() -> None:
    for policy in ALL:
        assert policy.moments, policy.code
        assert bool(policy.assumed) == (policy.backtest in (Backtest.LIVE_ONLY, Backtest.REFUSED_BY_HAND)), policy.code
        assert policy.backtest is not Backtest.REFUSED or policy.switch, f"{policy.code} is refused by a setting's name"


def test_every_setting_of_a_policy_is_one_and_binds_a_live_permission() -> None:
    known = {key for key, _, _ in keys()}
    bound = bound_values(Settings())
    owned = {key for policy in ALL for key in policy.settings}
    assert owned <= known
    # DRY_RUN alone is free: it can only lock.
    assert owned - bound.keys() == {"DRY_RUN"}


def test_two_policies_share_no_code_and_no_setting() -> None:
    twice = replace(ALL[-1], settings=())
    other = replace(ALL[-1], code="other")
    for wrong in (twice, other):
        with pytest.raises(ValueError, match="share"):
            registry.RiskPolicies([*ALL, wrong])


# One that raises.


@pytest.mark.parametrize("policy", [p for p in ALL if p.judge is not None], ids=lambda p: p.code)
def test_a_judge_that_raises_refuses_is_counted_and_a_critical_one_leaves_exits_only(
    policy: RiskPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = ready(take_profit_order="market")
    rig.open_runner()
    put(monkeypatch, replace(policy, judge=broken))
    assert not places(rig.bar("buy", "90"))
    critical = policy.failure is Failure.CRITICAL
    assert (blocked(rig) is not None) is critical, "at once"
    counted = rig.view.risk.failures
    assert counted[policy.failure][policy.code] >= 1
    put(monkeypatch, policy)
    said = notes(rig.tick(2))
    latched = blocked(rig)
    assert (latched is not None) is critical
    told = f"no entry until Start is pressed: the risk policy {policy.code} failed (ZeroDivisionError: planted)"
    assert [line for line in said if "reduce only" in line] == ([f"{told}: reduce only"] if critical else [])
    assert one(places(rig.price("110"))).side is Side.SELL, "exits go on"
    start(rig)
    assert blocked(rig) is None, "a person looked"


@pytest.mark.parametrize("policy", [p for p in ALL if p.check is not None], ids=lambda p: p.code)
def test_a_check_that_raises_refuses_entries_and_exits_only_where_it_judges_them(
    policy: RiskPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = one(places(ready().bar("buy")))
    entry = replace(bought, client_order_id="ct-main-x", expected_price=D(110))
    rig = ready(take_profit_order="market")
    rig.open_runner()
    put(monkeypatch, replace(policy, check=broken))
    sent = places(rig.price("110"))
    if policy.entries_only:
        assert one(sent).purpose is Purpose.EXIT, "no defect in a check of entries holds back an exit"
    for moment in policy.checked:
        start(rig)  # what it led to is the ledger policy's to refuse
        before = rig.view.risk.failures[policy.failure].get(policy.code, 0)
        found = rig.asked(pretrade.refusal, entry, moment)
        assert found is not None and found.code == policy.code and "planted" in found.value
        assert rig.view.risk.failures[policy.failure][policy.code] == before + 1
        assert (blocked(rig) is not None) is (policy.failure is Failure.CRITICAL)


def test_a_critical_guard_that_raises_is_noticed_within_a_second_though_nobody_wants_to_enter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = ready()
    policy = registry.POLICIES.by_code["exposure"]
    assert policy.guard is not None
    put(monkeypatch, replace(policy, guard=replace(policy.guard, limit_here=broken)))
    assert any("exposure failed" in line for line in notes(rig.tick()))
    assert "exposure" in (blocked(rig) or "")


@pytest.mark.parametrize("policy", [p for p in ALL if p.guard is not None], ids=lambda p: p.code)
def test_a_guard_that_raises_is_shown_as_tripped(policy: RiskPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ready()
    assert policy.guard is not None
    assert rig.limit(policy.guard.name).state != "tripped"
    put(monkeypatch, replace(policy, guard=replace(policy.guard, limit_here=broken)))
    shown = rig.limit(policy.guard.name)
    assert (shown.state, shown.value, shown.limit) == ("tripped", None, None)


def test_the_page_looks_without_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ready()
    put(monkeypatch, replace(registry.POLICIES.by_code["spread"], judge=broken))
    rig.view.gates.document()
    assert rig.view.risk.failures == {"recoverable": {}, "critical": {}}
    gate = next(g for g in rig.view.gates.all(BTC) if g.name == "spread")
    assert (gate.title, gate.opens) == ("Spread", "this is a defect")


# A new one: declared once, asked everywhere.


def _cents(_state: Any, _market: Any, entry: Planned) -> float:
    return float(entry.quote * 100)


NEW = guard_policy(
    Guard(
        "odd_cents",
        "Cents of an entry",
        "USD",
        lambda s: s.min_edge_pct,
        at_decision(_cents),
        "with a smaller entry",
        reaching_is_fine=True,
        of_entry=_cents,
    ),
    "Cents of an entry, for this test",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    (),
    "nobody counted cents",
)


def test_a_new_policy_is_a_gate_a_check_a_limit_and_a_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ready(min_edge_pct=50.0)
    spec = one(places(rig.bar("buy")))
    put(monkeypatch, NEW)
    assert rig.view.gates.all(BTC)[-1].name == "odd_cents", "gates page, decision"
    standing = rig.asked(gates.first_standing_shut, BTC)
    assert standing is not None and standing.name == "odd_cents", "a resting entry"
    for moment in Moment.SUBMIT, Moment.SOCKET:
        found = rig.asked(pretrade.refusal, spec, moment)
        assert found is not None and found.code == "odd_cents"
    assert rig.view.risk.document().limits[-1].name == "odd_cents", "Risk page"
    monkeypatch.setattr(risk_table, "POLICIES", registry.POLICIES)
    assert risk_table.table().splitlines()[-1].startswith("| `odd_cents` | Cents of an entry, for this test |")


def test_a_critical_failure_replaces_a_latch_that_adopting_would_lift(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ready(take_profit_order="market")
    rig.open_runner()
    for _ in range(3):
        rig.tick(10)
        rig.send(ev.BalanceReport((Balance("USD", D(9000), D(0)),), rig.now_ms), 10)
    assert (rig.view.records.value("entries_latched") or "").startswith("open lots hold")
    policy = registry.POLICIES.by_code["exposure"]
    assert policy.guard is not None
    put(monkeypatch, replace(policy, guard=replace(policy.guard, limit_here=broken)))
    rig.tick()
    assert "exposure failed" in (rig.view.records.value("entries_latched") or "")
