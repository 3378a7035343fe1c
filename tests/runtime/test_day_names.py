"""The day is UTC's wherever the machine stands: its name, its turn, and every published time, in several time zones."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Half an hour before local midnight in one of them it is half an hour after in none; each is beyond UTC's date now.
ZONES = ("UTC", "Pacific/Kiritimati", "America/New_York", "Asia/Kolkata", "Pacific/Pago_Pago", "Europe/Berlin")
TIMES = ("2026-11-20T23:59:57Z", "2026-11-20T10:29:57Z", "2026-11-21T03:29:57Z", "2026-03-29T00:59:57Z")
PROGRAM = """
import asyncio, json, logging, sqlite3, sys, time
from pathlib import Path
from bot.domain import events as ev
from shared.times import parse_time
from tests.runtime.bot_rig import BotRig

async def main(folder, at):
    rig = BotRig(Path(folder))
    rig.clock.at = parse_time(at)
    rig.begin()
    for _ in range(6):
        rig.clock.turn(1)
        rig.bot.dispatch(ev.Tick())
    state = rig.state()
    with sqlite3.connect(rig.settings.paths.ledger) as db:
        days = [row[0] for row in db.execute("SELECT day FROM days ORDER BY day")]
    return {"day": rig.bot.engine.view.account.day.day, "days": days, "ts": state.ts,
            "since": rig.bot.boot.documents(rig.clock.monotonic_s())[0].at}

logging.disable(logging.CRITICAL)
found = [asyncio.run(main(f"{sys.argv[1]}/{number}", at)) for number, at in enumerate(sys.argv[2:])]
print(json.dumps({"zone": time.strftime("%z", time.localtime(1_774_000_000)), "found": found}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Zone → what a bot there said around each of the times."""
    running = {}
    for zone in ZONES:
        folder = tmp_path_factory.mktemp(zone.replace("/", "-"))
        running[zone] = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), *TIMES],
            cwd=ROOT,
            env={**os.environ, "TZ": zone, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
    found = {}
    for zone, process in running.items():
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, zone
        found[zone] = json.loads(out)
    return found


def test_the_machines_did_stand_in_their_zones(told: dict[str, dict[str, object]]) -> None:
    assert [told[zone]["zone"] for zone in ZONES] == ["+0000", "+1400", "-0400", "+0530", "-1100", "+0100"]


@pytest.mark.parametrize("zone", ZONES)
def test_each_day_is_utcs(told: dict[str, dict[str, object]], zone: str) -> None:
    assert told[zone]["found"] == told["UTC"]["found"]
    days = [(one["day"], one["days"]) for one in told[zone]["found"]]  # type: ignore[attr-defined]
    assert days == [
        ("2026-11-21", ["2026-11-20", "2026-11-21"]),
        ("2026-11-20", ["2026-11-20"]),
        ("2026-11-21", ["2026-11-21"]),
        ("2026-03-29", ["2026-03-29"]),
    ]
