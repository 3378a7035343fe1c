"""The measurement by real faults goes on where it was interrupted, and ends."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench.system import watch
from bench.system.watch_faults import FAULTS


def row(name: str, told_s: float | None = 1.5) -> dict[str, Any]:
    problem = None if told_s is not None else "never"
    return {"fault": name, "told_s": told_s, "problem": problem, "others": []}


def test_each_fault_has_its_turn_and_those_that_need_another_system_come_in_blocks() -> None:
    rows: list[dict[str, Any]] = []
    while (fault := watch.next_fault(rows, 12)) is not None:
        rows.append(row(fault.name))
    names = [one["fault"] for one in rows]
    assert {name: names.count(name) for name in names} == {fault.name: 12 for fault in FAULTS}
    system_of = {fault.name: json.dumps(dict(fault.settings)) for fault in FAULTS}
    changes = sum(system_of[a] != system_of[b] for a, b in pairwise(names))
    assert changes == 3, "a system is made for a block, not for an injection"
    assert set(names[:6]) == {fault.name for fault in FAULTS if not fault.settings}


def test_what_is_kept_counts_and_nothing_is_started_where_it_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    rows = [row(fault.name, 5.0 + number) for fault in FAULTS for number in range(2)] + [row("dead", None)]
    kept.write_text("".join(json.dumps(one) + "\n" for one in rows))

    def begun(**_: str) -> None:
        raise AssertionError("a system was started")

    monkeypatch.setattr(watch, "beside", begun)
    watch.main(2, kept)
    said = capsys.readouterr().out
    assert f"{len(rows)} injections, 1 not told once and over once; also told: nothing" in said
    assert "hung: told after its threshold, p99" in said and len(kept.read_text().splitlines()) == len(rows)
    with pytest.raises(AssertionError, match="started"):
        watch.main(3, kept)
