"""The judge sees what it should: for each invariant a breach is planted into sound evidence, and it must be named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from simtest.judge import INVARIANTS, verdict
from tests.simtest import breaches

CONTROLS: tuple[tuple[str, Callable[[breaches.Tampered], None]], ...] = (
    ("I1 FILLS", breaches.lost_fill),
    ("I1 FILLS", breaches.fee_off_by_an_atom),
    ("I2 POSITION", breaches.lot_too_large),
    ("I3 ONE-INTENT", breaches.bought_twice),
    ("I3 ONE-INTENT", breaches.sent_twice),
    ("I3 ONE-INTENT", breaches.two_exits_at_once),
    ("I3 ONE-INTENT", breaches.unknown_did_not_block),
    ("I4 NO-ORPHAN", breaches.orphan),
    ("I4 NO-ORPHAN", breaches.foreign_cancelled),
    ("I4 NO-ORPHAN", breaches.sent_before_recorded),
    ("B7 EXPLAINED", breaches.unexplained_trade),
    ("I5 KILL", breaches.bought_while_killed),
    ("I5 KILL", breaches.latch_vanished),
    ("I5 KILL", breaches.cleared_too_early),
    ("I5 KILL", breaches.kill_took_long),
    ("I5 KILL", breaches.latch_not_carried),
    ("I6 PAUSE", breaches.bought_while_paused),
    ("I7 STOP-PERSIST", breaches.level_forgotten),
    ("I8 LOSS", breaches.bought_after_the_loss),
    ("I8 LOSS", breaches.loss_overlooked),
    ("I9 CONSERVE", breaches.proceeds_off),
    ("I9 CONSERVE", breaches.equity_off),
    ("I10 STATE", breaches.torn_file),
    ("I10 STATE", breaches.seq_went_back),
    ("I8 LOSS", breaches.bought_beyond_the_loss),
    ("I11 ONE-WRITER", breaches.second_bot_wrote),
    ("I11 ONE-WRITER", breaches.second_bot_stayed),
    ("I11 ONE-WRITER", breaches.sold_without_the_lock),
    ("I25 RECORDED", breaches.sold_without_the_ledger),
    ("I12 LIMITS", breaches.more_bought_than_planned),
    ("I12 LIMITS", breaches.order_too_large),
    ("I12 LIMITS", breaches.too_many_orders),
    ("I12 LIMITS", breaches.too_many_lots),
    ("I13 FRESH", breaches.stale_price),
    ("I13 FRESH", breaches.never_priced),
    ("I13 FRESH", breaches.bought_across_a_gap),
    ("I22 HEARD", breaches.bought_in_a_silence),
    ("I22 HEARD", breaches.running_in_a_silence),
    ("I22 HEARD", breaches.running_and_never_heard),
    ("I22 HEARD", breaches.bought_before_a_stream_was_heard),
    ("I14 FSM", breaches.refused_but_accepted),
    ("I14 FSM", breaches.left_a_final_state),
    ("I16 REPLAY", breaches.replay_differs),
    ("I18 LIVE", breaches.still_unknown),
    ("I18 LIVE", breaches.stands_in_stopping),
    ("I18 LIVE", breaches.silent_in_the_end),
    ("I18 LIVE", breaches.deaf_in_the_end),
    ("I19 BOUND", breaches.tasks_without_end),
    ("DURABLE", breaches.sync_was_off),
    ("I20 DAY", breaches.day_ended_twice),
    ("I21 SANE", breaches.exponent_on_the_wire),
    ("I21 SANE", breaches.not_a_number),
    ("I21 SANE", breaches.off_the_increment),
    ("I21 SANE", breaches.on_the_old_grid),
    ("F6 RESTORE", breaches.restore_lifted_the_kill),
    ("F6 RESTORE", breaches.restore_forgot_the_pause),
    ("F6 RESTORE", breaches.restore_forgot_the_loss),
    ("F6 RESTORE", breaches.bought_before_anybody_looked),
    ("I23 FENCE", breaches.alone_and_fenced),
    ("I23 FENCE", breaches.two_ids_for_one_intent),
    ("I23 FENCE", breaches.bought_beside_a_second_writer),
    ("I23 FENCE", breaches.silent_about_a_second_writer),
    ("I23 FENCE", breaches.one_id_of_two_bots),
    ("I24 PERMIT", breaches.bought_without_a_permission),
    ("I24 PERMIT", breaches.sale_kept_back_by_the_permission),
    ("I24 PERMIT", breaches.copy_of_a_live_folder_traded),
    ("I27 AUDIT", breaches.audit_entry_edited),
    ("I27 AUDIT", breaches.audit_entry_removed),
    ("I27 AUDIT", breaches.audit_lacks_commands),
    ("UP", breaches.died_by_itself),
)


def test_a_sound_run_breaks_nothing(sound_run: Path) -> None:
    found = {name: texts for name, texts in verdict(sound_run).items() if texts}
    assert not found
    truth = json.loads((sound_run / "truth.json").read_text())
    assert len(truth["posts"]) > 15, "a run without orders proves nothing"
    assert any(s["latch"] for s in truth["states"]) and any(s["status"] == "paused" for s in truth["states"])


@pytest.mark.parametrize(("invariant", "breach"), CONTROLS, ids=[f"{n.split()[0]}-{b.__name__}" for n, b in CONTROLS])
def test_a_planted_breach_is_named(
    invariant: str, breach: Callable[[breaches.Tampered], None], sound_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(sound_run, folder)
    run = breaches.Tampered(folder)
    breach(run)
    run.close()
    assert verdict(folder)[invariant], f"{breach.__name__} went unseen"


def test_a_bot_that_says_so_and_enters_no_more_beside_a_second_one_breaks_nothing(
    sound_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(sound_run, folder)
    run = breaches.Tampered(folder)
    breaches.with_copy(run, told_us=1_000_000, says=True)
    run.close()
    assert not verdict(folder)["I23 FENCE"]


def test_every_invariant_has_a_control() -> None:
    assert {name for name, _ in CONTROLS} == set(INVARIANTS)


def test_the_judge_knows_nothing_of_the_bot() -> None:
    folder = Path(__file__).parents[2] / "simtest" / "judge"
    for path in folder.glob("*.py"):
        words = [line.split() for line in path.read_text().splitlines() if line.startswith(("import ", "from "))]
        for word in words:
            assert not word[1].startswith(("bot", "shared", "simulator")), f"{path.name}: {' '.join(word)}"
            assert not word[1].startswith("simtest") or word[1].startswith("simtest.judge"), (
                f"{path.name}: {' '.join(word)}"
            )
