"""Runs of the whole bot: equal seeds run equally, and what once broke stays mended."""

from dataclasses import replace

import pytest

from simtest.drawing import draw
from simtest.judged_run import BUSY, judged
from simtest.plan import Act, Plan, Window
from tests.simtest.conftest import SETTINGS, plan


def held(given: Plan, *struck: str) -> None:
    """No invariant broke, and the faults named did strike."""
    record = judged(given)
    assert not record["breaches"], record["breaches"]
    for kind in struck:
        assert record["strikes"].get(kind), f"{kind} never struck: {record['strikes']}"
    assert record["counts"]["posts"], "a run without orders proves nothing"


def test_the_same_seed_runs_the_same() -> None:
    given = draw(41, 6.0)
    first, second = judged(given), judged(given)
    assert first["hash"] == second["hash"] and first["counts"] == second["counts"]
    assert judged(replace(given, seed=42))["hash"] != first["hash"]


def test_a_plan_survives_its_file() -> None:
    given = draw(43, 30.0)
    assert Plan.from_json(given.to_json()) == given


# What broke once. Each is the shrunk schedule of a seed that failed, with the seed in its comment.

MENDED: dict[str, tuple[Plan, tuple[str, ...]]] = {
    # Seeds 1, 13, 18: an answer that is JSON but no object ended the process.
    "answers-of-another-shape": (plan(windows=(Window(0, "mangle", "GET", 5, 400, 0.3, 4),)), ("mangle",)),
    # Seed 1509782028: a kill that the ledger could not hold was forgotten when a reset had taken its file away.
    "kill-on-a-full-disk-then-a-reset-that-fails": (
        plan(
            windows=(Window(0, "ledger_full", "", 60, 120, 1.0),),
            acts=(Act(0, 100, "kill"), Act(1, 101, "reset_kill"), Act(2, 120, "crash")),
        ),
        ("ledger_full", "kill", "reset_kill", "crash"),
    ),
    # Seed 7111: a kill on a full disk was cleared long before it could be published, and was called done too early.
    "a-kill-that-is-published-late": (
        plan(
            minutes=4.0,
            windows=(Window(0, "disk_full", "", 80, 90, 1.0),),
            acts=(Act(0, 100, "kill_file"),),
        ),
        ("disk_full", "kill_file"),
    ),
    # Seeds 6, 28: a single 401 after the key had been accepted ended the boot.
    "401-while-booting": (
        plan(
            windows=(Window(0, "unauthorized", "", 60, 200, 0.45),),
            acts=(Act(0, 100, "crash"), Act(1, 140, "crash")),
        ),
        ("unauthorized",),
    ),
    # Seeds 3, 4, 7, 114: a restart forgot the orders of the last minute.
    "rate-over-a-restart": (
        plan(
            settings=SETTINGS | {"max_orders_per_min": 4, "take_profit_order": "market"},
            acts=tuple(Act(i, 60.0 + 25 * i, "crash") for i in range(12)),
        ),
        ("crash",),
    ),
    # Seed 1000: a flatten that had not ended was taken up again after a later start, and stopped the bot.
    "flatten-then-start-then-crash": (
        plan(acts=(Act(0, 200, "flatten"), Act(1, 201, "start"), Act(2, 203, "crash"), Act(3, 400, "crash"))),
        ("flatten",),
    ),
    # Seed 30002: frames that had waited in the socket while the process stood still passed for fresh prices.
    "woke-to-old-prices": (
        plan(
            settings=SETTINGS | {"strategy": "always", "stale_data_sec": 5.0},
            products=("ETH-USD", "SOL-USD", "BTC-USD"),
            acts=tuple(Act(i, 70.0 + 90.4 * i, "suspend", 0.9) for i in range(7)),
        ),
        ("suspend",),
    ),
    # Seed 1211131573: what waited in the socket of a process that stood still was counted as its own queue.
    "frames-of-a-long-sleep": (
        plan(
            minutes=9.0,
            market="lively",
            products=("BTC-USD", "ETH-USD", "SOL-USD"),
            settings=SETTINGS | {"strategy": "always"},
            acts=(Act(0, 70.0, "suspend_long", 0.0),),
        ),
        ("suspend_long",),
    ),
    # A kill within ten seconds of a reset waited for the pause of the kill before, and was called done by its proof.
    "kill-again-soon-after-a-reset": (
        plan(
            settings=SETTINGS | BUSY,
            acts=(
                Act(0, 150, "kill"),
                Act(1, 160.5, "reset_kill"),
                Act(2, 161, "start"),
                Act(3, 168, "kill"),
                Act(4, 300, "reset_kill"),
                Act(5, 301, "start"),
                Act(6, 400, "kill"),
            ),
        ),
        ("kill",),
    ),
    # Seed 40056: a cancel whose asker was gone after a crash was never sent again, nor its order called open.
    "cancel-outlives-its-asker": (
        plan(
            settings=SETTINGS | {"strategy": "always"},
            windows=(Window(0, "refused", "POST /orders/batch_cancel", 60, 500, 1.0),),
            acts=(*(Act(i, 150.0 + 60 * i, "close_lot", 0.3) for i in range(5)), Act(5, 520.0, "crash")),
        ),
        ("refused",),
    ),
    # Seed 308: increments that became coarser while the bot ran were not looked at for half an hour.
    "the-grid-changes": (
        plan(
            settings=SETTINGS | {"strategy": "always", "entry_order": "maker", "max_total_lots": 60},
            acts=tuple(Act(i, 60.0 + 20 * i, "regrid", 0.1 * i) for i in range(8)),
        ),
        ("regrid",),
    ),
    # Seed 5011: a maker's fill without a fee could not be checked.
    "no-maker-fee": (
        plan(settings=SETTINGS | {"entry_order": "maker", "sim_maker_fee_pct": 0.0}, acts=(Act(0, 300.0, "crash"),)),
        ("crash",),
    ),
    # The operator's way out of a ledger that is gone: own orders are known, entries wait.
    "lost-ledger": (plan(acts=(Act(0, 300.0, "lose_ledger"), Act(1, 400.0, "start"))), ("lose_ledger",)),
    # A backup is put back two minutes after it was made: what shut meanwhile stays shut until a person opens it.
    "restore-after-a-kill": (
        plan(
            settings=SETTINGS | {"strategy": "always"},
            acts=(Act(0, 120, "restore", 0.5), Act(1, 180, "kill"), Act(2, 400, "reset_kill"), Act(3, 420, "start")),
        ),
        ("restore",),
    ),
    "restore-after-a-pause": (
        plan(
            settings=SETTINGS | {"strategy": "always"},
            acts=(Act(0, 120, "restore", 0.5), Act(1, 180, "pause"), Act(2, 420, "start")),
        ),
        ("restore",),
    ),
    "restore-after-a-loss": (
        plan(
            settings=SETTINGS | {"strategy": "always", "max_daily_loss_pct": 0.02, "sim_taker_fee_pct": 0.9},
            acts=(Act(0, 90, "restore", 0.8), Act(1, 420, "start")),
        ),
        ("restore",),
    ),
    "lost-answers-and-crashes": (
        plan(
            windows=(Window(0, "lost_after", "POST /orders", 10, 700, 0.5, 9),
                     Window(1, "crash_at_send", "POST /orders", 10, 700, 0.2),
                     Window(2, "list_lag", "", 10, 700, 1.0, 25)),
        ),
        ("lost_after", "crash_at_send"),
    ),
    "late-requests": (plan(windows=(Window(0, "ghost", "POST /orders", 10, 700, 0.4, 25),)), ("ghost",)),
    "deaf-to-fills": (
        plan(windows=(Window(0, "ws_hide", "user", 0, 720, 0.9), Window(1, "fill_lag", "", 0, 720, 1.0, 15))),
        ("ws_hide", "fill_lag"),
    ),
    "two-bots-and-no-lock": (
        plan(acts=(Act(0, 120, "second_bot"), Act(1, 300, "lock_gone"), Act(2, 420, "second_bot"))),
        ("second_bot", "lock_gone"),
    ),
    "power-cuts": (
        plan(
            settings=SETTINGS | {"strategy": "always"},
            acts=tuple(Act(i, 90.0 + 60 * i, "power_cut") for i in range(9)),
        ),
        ("power_cut",),
    ),
    "strays-and-a-kill": (
        plan(
            windows=(Window(0, "status_lag", "", 10, 700, 1.0, 100),),
            acts=(
                Act(0, 200, "stray_orders", 1.0),
                Act(1, 260, "kill"),
                Act(2, 500, "reset_kill"),
                Act(3, 520, "start"),
            ),
        ),
        ("stray_orders",),
    ),
    # The key loses its right to trade, then all rights: entries wait for a person, and nothing is lost.
    "key-without-rights": (
        plan(
            settings=SETTINGS | {"strategy": "always"},
            acts=(*(Act(i, 130.0 + 80 * i, "key_change", 0.4) for i in range(5)), Act(9, 640.0, "start")),
        ),
        ("key_change", "forbidden"),
    ),
    # A permission that ended kept the sales back too: flatten cancelled the takes, and the lots stayed.
    "live-and-the-permission-ends": (
        plan(
            live=True,
            settings=SETTINGS | {"stop_loss_pct": 0.05},
            acts=(
                Act(0, 1, "permit"),
                Act(1, 200, "permission_end"),
                Act(2, 300, "crash"),
                Act(3, 330, "permit"),
                Act(4, 450, "permission_end"),
                Act(5, 460, "flatten"),
                Act(6, 520, "permit"),
                Act(7, 525, "start"),
            ),
        ),
        ("permit", "permission_end", "flatten"),
    ),
    "full-disk": (
        plan(windows=(Window(0, "ledger_full", "", 100, 100, 0.5), Window(1, "disk_full", "", 150, 100, 1.0)),
             acts=(Act(0, 180, "kill"), Act(1, 300, "reset_kill"), Act(2, 310, "start"))),
        ("ledger_full",),
    ),
}  # fmt: skip


# Where the exchange's way with client order ids plays a part, in all three ways; else in the hardest one.
ID_CASES = ("lost-answers-and-crashes", "late-requests")
CASES = [(name, "not_enforced") for name in MENDED]
CASES += [(name, mode) for name in ID_CASES for mode in ("return_existing", "reject")]


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_what_broke_once_holds(name: str, mode: str) -> None:
    given, struck = MENDED[name]
    held(replace(given, mode=mode), *struck)
