"""Gates that stand behind another reason of the same policy, and what people are told of each."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.orders import OrderSpec
from bot.engine.risk import guards
from bot.engine.risk.policies import impact, registry
from bot.engine.risk.policy import Refusal
from shared.documents.risk import GateVerdict
from tests.core.harness import Rig, notes, one, places

BTC, ETH = "BTC-USD", "ETH-USD"


def gate(rig: Rig, name: str) -> tuple[GateVerdict, str, str]:
    """(verdict, title, value) as the page shows it."""
    found = next(each for each in rig.view.gates.all(BTC) if each.name == name)
    return found.verdict, found.title, found.value


def test_until_the_balances_are_known_the_ledger_gate_is_shut() -> None:
    rig = Rig()
    rig.price("100")
    rig.engine.state.account.portfolio.synced_ms = None
    assert gate(rig, "ledger") == (GateVerdict.FAULT, "Balances", "not synced")
    assert not places(rig.bar("buy"))


def test_lots_of_all_products_count_against_their_own_limit() -> None:
    rig = Rig(products=(BTC, ETH), max_total_lots=1, max_concurrent_lots=3, pyramid_min_adverse_pct=0.0)
    rig.price("100")
    rig.price("100", ETH)
    assert gate(rig, "lots")[:2] == (GateVerdict.OPEN, "Lots")
    rig.fills_all(one(places(rig.bar("buy", product_id=ETH))), "1", "100")
    assert gate(rig, "lots") == (GateVerdict.SHUT, "Lots in all", "1")
    assert not places(rig.bar("buy"))


def entry_of(rig: Rig) -> OrderSpec:
    return replace(one(places(rig.bar("buy"))), client_order_id="ct-main-x")


def test_an_entry_whose_impact_nobody_knows_is_refused() -> None:
    rig = Rig()
    entry = entry_of(rig)
    assert impact.POLICY.check is not None
    assert rig.asked(impact.POLICY.check, entry) is None, "off"
    rig = Rig(max_impact_bp=50.0)
    refusal = rig.asked(impact.POLICY.check, entry)
    assert refusal is not None and (refusal.code, refusal.value) == ("impact", "no order book of that depth")


def test_a_latch_that_raises_is_counted_and_keeps_no_other_from_latching(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> Any:
        raise ZeroDivisionError("planted")

    latching = [policy for policy in registry.POLICIES.all if policy.latch is not None]
    assert len(latching) > 1
    first, last = latching[0], latching[-1]
    changed = {first.code: replace(first, latch=broken), last.code: replace(last, latch=lambda *_: "found")}
    kept = [changed.get(policy.code, policy) for policy in registry.POLICIES.all]
    monkeypatch.setattr(registry, "POLICIES", registry.RiskPolicies(kept))
    rig = Rig()
    said = notes(rig.tick())
    assert rig.view.risk.failures[first.failure] == {first.code: 1}
    assert any("no entry until Start is pressed" in line for line in said)


def test_without_a_product_nothing_is_judged_for_a_latch() -> None:
    rig = Rig()
    state = rig.engine.state
    state.markets.by_product.clear()
    rig.asked(guards.tick)
    assert state.control.entries_latched is None


def test_a_bid_that_is_refused_ends_its_entry_and_people_hear_why(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = registry.POLICIES.by_code["ledger"]
    refusing = replace(policy, check=lambda *_: Refusal("ledger", "7", "none"))
    kept = [refusing if each is policy else each for each in registry.POLICIES.all]
    monkeypatch.setattr(registry, "POLICIES", registry.RiskPolicies(kept))
    rig = Rig(entry_order="maker")
    found = rig.bar("buy")
    assert not places(found) and not rig.engine.state.positions.makers
    assert [line for line in notes(found) if line.startswith("BTC-USD entry refused by") and "ledger" in line]
