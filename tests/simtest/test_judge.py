"""The judge sees what it should: for each invariant a breach is planted into sound evidence, and it must be named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from simtest.judge import INVARIANTS, verdict
from simtest.judge.case import Case
from simtest.judge.rules import ENOUGH, RULES, SELDOM, invariant_of, overlooked
from tests.simtest import breaches, duty_breaches
from tests.simtest.figure_breaches import FIGURE_CONTROLS
from tests.simtest.published_breaches import PUBLISHED_CONTROLS

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
    ("I5 KILL", breaches.cleared_by_the_kill_before),
    ("I5 KILL", breaches.order_outlived_a_kill),
    ("I5 KILL", breaches.latch_not_carried),
    ("I6 PAUSE", breaches.bought_while_paused),
    ("I7 STOP-PERSIST", breaches.level_forgotten),
    ("I8 LOSS", breaches.bought_after_the_loss),
    ("I8 LOSS", breaches.loss_overlooked),
    ("I8 LOSS", breaches.bought_though_the_limit_was_published),
    ("I8 LOSS", breaches.realised_loss_overlooked),
    ("I8 LOSS", breaches.loss_behind_a_deposit),
    ("I8 LOSS", breaches.bought_in_a_drawdown),
    ("I8 LOSS", breaches.open_in_a_drawdown),
    ("I8 LOSS", breaches.peak_lost_at_a_restart),
    ("I8 LOSS", breaches.bought_in_a_losing_streak),
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
    ("R1 ENTRY", duty_breaches.never_bought),
    ("R1 ENTRY", duty_breaches.bought_against_the_signal),
    ("R1 ENTRY", duty_breaches.bought_without_a_fall),
    ("R2 TAKE", duty_breaches.take_elsewhere),
    ("R2 TAKE", duty_breaches.take_too_large),
    ("R2 TAKE", duty_breaches.no_take_at_all),
    ("R2 TAKE", duty_breaches.take_of_another_price_in_the_ledger),
    ("R3 STOP", duty_breaches.stop_overlooked),
    ("R3 STOP", duty_breaches.sold_for_no_reason),
    ("R3 STOP", duty_breaches.stop_of_another_lot_in_the_ledger),
    ("R11 HAND", duty_breaches.moved_stop_forgotten),
    ("R11 HAND", duty_breaches.more_sold_than_the_part),
    ("R4 TRAIL", duty_breaches.trail_overlooked),
    ("R4 TRAIL", duty_breaches.trails_from_too_high),
    ("R5 PROMOTE", duty_breaches.nobody_is_the_runner),
    ("R6 CANCEL", duty_breaches.bid_stands_too_long),
    ("R6 CANCEL", duty_breaches.bid_outlives_a_stop),
    ("R7 FLATTEN", duty_breaches.flat_is_claimed),
    ("R7 FLATTEN", duty_breaches.nothing_is_sold),
    ("R8 LATCH", duty_breaches.too_many_in_a_minute),
    ("R8 LATCH", duty_breaches.bought_after_a_row_of_losses),
    ("R8 LATCH", duty_breaches.bought_below_the_drawdown),
    ("R9 SIGNAL", duty_breaches.sell_overlooked),
    ("R10 WEIGHT", duty_breaches.weights_overlooked),
    ("UP", breaches.died_by_itself),
    *PUBLISHED_CONTROLS,
    *FIGURE_CONTROLS,
)


def test_a_sound_run_breaks_nothing(sound_run: Path) -> None:
    assert not verdict(sound_run).breaches
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
    found = verdict(folder)
    assert found.breaches.get(invariant), f"{breach.__name__} went unseen"
    assert sum(n for rule, n in found.judged.items() if invariant_of(rule) == invariant), "broken, and judged 0 times"


LISTS = "GET /orders/historical/batch"
FAR, AT_KILL, AT_TRADE = (620, 640), (310, 334), (61, 210)
Excuse = Callable[[breaches.Tampered], None]


def _struck(kind: str, where: str, span: tuple[int, int]) -> Excuse:
    return lambda run: run.strike(kind, where, *span)


def _late_jump(run: breaches.Tampered) -> None:
    run.act("clock_jump", 600, until_us=640_000_000, off_us=3_600_000_000)


def _unlocked_and_silent(run: breaches.Tampered) -> None:
    run.act("lock_gone", 0.5)
    run.truth["posts"] = []


# (what broke, what else happened, whether that excuses it)
MOMENTS: tuple[tuple[str, Callable[[breaches.Tampered], None], Excuse, bool], ...] = (
    ("I5 KILL", breaches.kill_took_long, _struck("refused", LISTS, FAR), False),
    ("I5 KILL", breaches.kill_took_long, _struck("refused", LISTS, AT_KILL), True),
    ("I5 KILL", breaches.kill_took_long, _struck("refused", "GET /products", AT_KILL), False),
    ("I5 KILL", breaches.kill_took_long, lambda run: run.act("suspend", 329, until_us=335_000_000), True),
    ("I5 KILL", breaches.latch_vanished, _late_jump, False),
    ("I5 KILL", breaches.latch_not_carried, lambda run: run.swap(100, 200), False),
    ("I5 KILL", breaches.bought_while_killed, lambda run: run.swap(100, 200, "lose"), False),
    ("I7 STOP-PERSIST", breaches.level_forgotten, lambda run: run.swap(500, 600), False),
    ("I7 STOP-PERSIST", breaches.level_forgotten, lambda run: run.swap(100, 150), True),
    ("I8 LOSS", breaches.bought_after_the_loss, _late_jump, False),
    ("I8 LOSS", breaches.loss_overlooked, _late_jump, False),
    ("I8 LOSS", breaches.bought_beyond_the_loss, _struck("ws_price", "market", FAR), False),
    ("I8 LOSS", breaches.bought_beyond_the_loss, _struck("ws_price", "market", (0, 700)), True),
    ("B7 EXPLAINED", breaches.unexplained_trade, _struck("refused", "GET /accounts", FAR), False),
    ("B7 EXPLAINED", breaches.unexplained_trade, _struck("refused", "GET /accounts", AT_TRADE), False),
    ("B7 EXPLAINED", breaches.unexplained_trade, _struck("refused", "GET /accounts", (61, 700)), True),
    ("I1 FILLS", breaches.lost_fill, lambda run: run.swap(10, 11), False),
    ("I1 FILLS", breaches.lost_fill, lambda run: run.swap(0, 700, "lose"), True),
    (
        "I11 ONE-WRITER",
        breaches.sold_without_the_lock,
        lambda run: run.act("suspend", 600, until_us=640_000_000),
        False,
    ),
    ("I11 ONE-WRITER", breaches.second_bot_wrote, _unlocked_and_silent, True),
    ("I11 ONE-WRITER", breaches.second_bot_wrote, lambda run: run.act("lock_gone", 1.5), False),
    ("I13 FRESH", breaches.bought_across_a_gap, _struck("ws_garbage", "market", (690, 700)), False),
    ("I13 FRESH", breaches.bought_across_a_gap, _struck("ws_garbage", "market", (0, 700)), True),
    ("I21 SANE", breaches.on_the_old_grid, _struck("refused", "GET /products", FAR), False),
    ("I27 AUDIT", breaches.audit_lacks_commands, _struck("disk_full", "", FAR), False),
    ("UP", breaches.refused_to_start, _struck("ledger_full", "begin", FAR), False),
    ("UP", breaches.refused_to_start, _struck("ledger_full", "begin", (0, 20)), True),
)


@pytest.mark.parametrize(("invariant", "breach", "besides", "excused"), MOMENTS)
def test_what_happens_elsewhere_excuses_nothing(
    invariant: str,
    breach: Callable[[breaches.Tampered], None],
    besides: Excuse,
    excused: bool,
    sound_run: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(sound_run, folder)
    run = breaches.Tampered(folder)
    breach(run)
    besides(run)
    run.close()
    assert (invariant not in verdict(folder).breaches) == excused


def test_a_bot_that_says_so_and_enters_no_more_beside_a_second_one_breaks_nothing(
    sound_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(sound_run, folder)
    run = breaches.Tampered(folder)
    breaches.with_copy(run, told_us=1_000_000, says=True)
    run.close()
    found = verdict(folder)
    assert "I23 FENCE" not in found.breaches
    assert found.judged["I23 FENCE/entries"] and found.judged["I23 FENCE/reported"], (
        "silence of the judge proves nothing"
    )


def test_every_invariant_has_a_control() -> None:
    """The alerts' are in test_alert_judge.py, as they need a run with a watcher."""
    assert {name for name, _ in CONTROLS} | {"I17 ALERT"} == set(INVARIANTS)


def test_rules_and_invariants_belong_together() -> None:
    assert {invariant_of(rule) for rule in RULES} == set(INVARIANTS)
    whole = {rule for rule in RULES if "/" not in rule}
    assert not {rule for rule in RULES if rule not in whole and invariant_of(rule) in whole}, "a part beside its whole"


def test_a_sound_run_counts_what_it_could_have_broken(sound_run: Path) -> None:
    judged = verdict(sound_run).judged
    truth = json.loads((sound_run / "truth.json").read_text())
    assert list(judged) == list(RULES), "a rule judged 0 times is told"
    assert judged["I4 NO-ORPHAN/recorded first"] == len(truth["posts"])
    assert judged["I13 FRESH/price"] == sum(post["side"] == "BUY" for post in truth["posts"])
    assert judged["UP"] == len(truth["lives"]) == 2
    assert judged["I5 KILL/sends"] == judged["I5 KILL/time"] == 1, "one kill, and nothing in its way"
    assert judged["I24 PERMIT/purchases"] == judged["F6 RESTORE/kill"] == 0, "neither live nor restored"


def test_a_batch_that_never_judged_a_rule_names_it() -> None:
    judged = dict.fromkeys(RULES, 1)
    assert overlooked(judged, 10**9) == []
    assert set(overlooked({}, 10**9)) == set(RULES)
    common = next(rule for rule in RULES if rule not in SELDOM)
    assert overlooked(judged | {common: 0}, ENOUGH - 1) == [] and overlooked(judged | {common: 0}, ENOUGH) == [common]
    for rule, seeds in SELDOM.items():
        assert rule in RULES and seeds > ENOUGH
        assert overlooked(judged | {rule: 0}, seeds - 1) == [] and overlooked(judged | {rule: 0}, seeds) == [rule]


def test_a_rule_that_is_not_declared_cannot_be_counted(tmp_path: Path) -> None:
    case = Case(tmp_path, {}, {})
    with pytest.raises(KeyError, match="I5 KIL/sends"):
        case.count("I5 KIL/sends")
    case.count("I5 KILL/sends", 0)
    assert not case.judged


def test_the_judge_knows_nothing_of_the_bot() -> None:
    folder = Path(__file__).parents[2] / "simtest"
    own = ("simtest.judge", "simtest.reference")
    for path in [*folder.glob("judge/*.py"), *folder.glob("reference/*.py")]:
        words = [line.split() for line in path.read_text().splitlines() if line.startswith(("import ", "from "))]
        for word in words:
            assert not word[1].startswith(("bot", "shared", "simulator")), f"{path.name}: {' '.join(word)}"
            assert not word[1].startswith("simtest") or word[1].startswith(own), f"{path.name}: {' '.join(word)}"
            assert path.parent.name == "judge" or not word[1].startswith("simtest.judge"), "the model needs no evidence"
