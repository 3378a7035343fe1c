"""The tape is a witness: whatever happens to it, trading does not notice."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.app import event_recorder as tape_module
from bot.app.event_recorder import EventRecorder
from bot.domain import events as ev
from bot.domain.balances import Balance, FeeRates
from shared.command_table import Cmd
from shared.control import Command
from shared.settings import load
from shared.tape import days, read_day
from tests.core.harness import D, Rig


class Clock:
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Inline:
    def __init__(self) -> None:
        self.fails = False

    async def run(self, work: Any) -> Any:
        if self.fails:
            raise OSError(28, "No space left on device")
        return work()


def made(tmp_path: Path) -> tuple[EventRecorder, Inline]:
    settings = load(Path("/nonexistent"), {"DATA_DIR": str(tmp_path), "RECORD": "true"}).settings
    offload = Inline()
    return EventRecorder(settings, Clock(), offload, {"boot_id": "b"}), offload  # type: ignore[arg-type]


def view(now_ms: int, *, may_enter: bool = False) -> Any:
    """What the engine shows at a moment, as far as a tick asks."""
    return SimpleNamespace(
        now_ms=now_ms,
        control=SimpleNamespace(may_enter=may_enter, may_exit=False),
        account=SimpleNamespace(known=False, day=None),
    )


async def test_off_by_default_and_on_by_setting(tmp_path: Path) -> None:
    assert load(Path("/nonexistent"), {}).settings.record is False
    tape, _ = made(tmp_path)
    tape.heard(ev.Tick(), (), view(1_795_160_000_000))
    await tape.close()
    lines = list(read_day(tmp_path / "tape", days(tmp_path / "tape")[0]))
    assert lines[0]["boot"]["boot_id"] == "b" and lines[0]["boot"]["settings"]["RECORD"] == "True"
    assert (
        "COINBASE_API_PRIVATE_KEY" not in str(lines) or lines[0]["boot"]["settings"]["COINBASE_API_PRIVATE_KEY"] == ""
    )


async def test_a_full_disk_costs_lines_and_says_so(tmp_path: Path) -> None:
    tape, offload = made(tmp_path)
    offload.fails = True
    for i in range(5):
        tape.heard(ev.Tick(), (), view(1_795_160_000_000 + i))
    await tape.flush()
    offload.fails = False
    tape.heard(ev.Tick(), (), view(1_795_160_001_000, may_enter=True))
    await tape.close()
    lines = list(read_day(tmp_path / "tape", days(tmp_path / "tape")[0]))
    assert [line["lost"] for line in lines if "lost" in line] == [2] and lines[-1]["may"] == [True, False]


async def test_lines_wait_within_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_module, "WAITING_MAX", 10)
    tape, _ = made(tmp_path)
    for i in range(100):
        tape.heard(ev.Tick(), (), view(1_795_160_000_000 + i, may_enter=bool(i % 2)))
    await tape.flush()
    day = days(tmp_path / "tape")[0]
    assert len(list(read_day(tmp_path / "tape", day))) == 10
    tape.heard(ev.FeeUpdate(FeeRates(D(0), D(0), "")), (), view(1_795_160_000_500))
    await tape.close()
    *_, lost, fees = read_day(tmp_path / "tape", day)
    assert lost["lost"] == 91 and fees["fees"] == ["0", "0"]


async def test_a_defect_of_the_tape_stays_its_own(tmp_path: Path) -> None:
    tape, _ = made(tmp_path)
    tape.heard(ev.Tick(), (), SimpleNamespace(now_ms=None))  # type: ignore[arg-type]
    tape.heard(ev.Tick(), (), view(1_795_160_000_000))
    await tape.close()
    assert not (tmp_path / "tape").exists()


async def test_money_that_nobody_has_explained_is_in_no_limit_that_the_report_judges(tmp_path: Path) -> None:
    """Cash is the account's; `other` takes off what waits to be adopted, and is told anew when it was."""
    rig = Rig()
    tape, _ = made(tmp_path)

    async def told(event: Any) -> dict[str, Any]:
        tape.heard(event, rig.send(event, 4_000), rig.view)
        await tape.flush()
        *_, last = read_day(tmp_path / "tape", days(tmp_path / "tape")[-1])
        return last

    await told(ev.Tick())
    for _ in range(2):
        line = await told(ev.BalanceReport((Balance("USD", D(7000), D(0)),), rig.now_ms + 4_000))
    assert float(line["cash"]) + float(line["other"]) == 10_000, "a withdrawal that waits is no loss"
    args = {"differences": "USD -3000"}
    line = await told(ev.CommandReceived(Command(seq=1, id="a", cmd=Cmd.ADOPT, at="", args=args)))
    assert (line["cash"], line["other"], line["peak_equity"]) == ("7000", "0", "7000")
    assert (float(line["day"][1]), float(line["day"][2])) == (10_000, -3_000)
    await tape.close()
