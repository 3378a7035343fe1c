"""The fuzz that anyone can run: it works, repeats itself for a seed, and notices what it is there to notice."""

from collections import Counter

import pytest

from simulator.core.units import to_atoms
from simulator.fuzz import Broken, Fuzzer


def run(seed: int, steps: int) -> tuple[Counter[str], str]:
    fuzzer = Fuzzer(seed)
    for _ in range(steps):
        fuzzer.step()
    return fuzzer.statuses, fuzzer.local.event_hash()


def test_no_message_breaks_anything_and_a_seed_repeats_itself() -> None:
    statuses, _ = run(11, 400)
    assert run(11, 400)[0] == statuses != run(12, 400)[0]
    assert min(statuses[name] for name in ("200", "400", "404", "frames", "orders refused")) > 10
    assert statuses["orders accepted"] > 5


def test_money_from_nowhere_is_found() -> None:
    fuzzer = Fuzzer(1)
    fuzzer.local.exchange.venue.accounts.world["USD"] += to_atoms("0.01")
    with pytest.raises(Broken, match="atoms of USD came from nowhere"):
        for _ in range(30):
            fuzzer.step()


def test_a_500_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    fuzzer = Fuzzer(1)
    monkeypatch.setattr(fuzzer.local.exchange, "create", broken)
    with pytest.raises(Broken, match="500 to POST"):
        for _ in range(500):
            fuzzer.step()
