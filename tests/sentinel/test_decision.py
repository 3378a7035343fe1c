"""When the sentinel may act: never on a bot that answers, always on one that is dead or hung for long enough."""

from dataclasses import replace
from random import Random

import pytest

from sentinel.decision import TURNS_LEAST, Condition, LifeSign, SilenceWatch
from shared.liveness import LockState

AFTER_S = 30.0
PID = 4711


def sight(at_s: float, moved: int = 1, **changed: object) -> LifeSign:
    base = LifeSign(at_s, (moved, 1, 1), PID, True, LockState.HELD, round(at_s * 100))
    return replace(base, **changed)  # type: ignore[arg-type]


def judged(looks: list[LifeSign]) -> list[Condition]:
    watch = SilenceWatch(AFTER_S)
    return [watch.judge(one) for one in looks]


def test_a_dead_bot_is_dead_after_the_time_and_not_before() -> None:
    found = judged([sight(s, lives=False, lock=LockState.FREE, waits=None) for s in range(40)])
    assert found[:30] == [Condition.SILENT] * 30
    assert found[30] is Condition.DEAD


def test_a_hung_bot_is_hung_after_the_time() -> None:
    found = judged([sight(s, waits=500) for s in range(40)])
    assert found.index(Condition.HUNG) == 30


def test_a_loop_that_turns_answers_though_no_file_can_be_written() -> None:
    """A full disk: the state file stands still for an hour, the bot trades on."""
    assert Condition.HUNG not in judged([sight(s) for s in range(3600)])


def test_a_loop_starved_to_a_hundredth_still_turns() -> None:
    assert Condition.HUNG not in judged([sight(s, waits=round(s * TURNS_LEAST / AFTER_S * 1.5)) for s in range(600)])


@pytest.mark.parametrize(
    "unclear",
    [
        {"moved": None, "pid": None, "lives": None, "lock": LockState.FREE, "waits": None},  # there never was a bot
        {"lives": False, "lock": LockState.HELD, "waits": None},  # another process is at work
        {"lives": None, "lock": LockState.UNKNOWN, "waits": None},  # nothing can be told
        {"waits": None},  # how often it waits cannot be told
        {"lock": LockState.FREE, "waits": 500},  # it lives and lost its lock: it ends by itself
    ],
)
def test_what_is_unclear_is_left_alone(unclear: dict[str, object]) -> None:
    looks = [replace(sight(s), **unclear) for s in range(200)]  # type: ignore[arg-type]
    assert set(judged(looks)) <= {Condition.SILENT}


def test_a_watcher_that_was_itself_held_up_begins_anew() -> None:
    still = {"lives": False, "lock": LockState.FREE, "waits": None}
    looks = [sight(s, **still) for s in range(20)] + [sight(s, **still) for s in range(500, 540)]
    found = judged(looks)
    assert Condition.DEAD not in found[:50]
    assert found[50] is Condition.DEAD, "30 s after the watch began anew"


def test_it_acts_once_for_each_silence() -> None:
    watch = SilenceWatch(AFTER_S)
    dead = {"lives": False, "lock": LockState.FREE, "waits": None}
    found = []
    for s in range(100):
        found.append(watch.judge(sight(s, **dead)))
        if found[-1] is Condition.DEAD:
            watch.settled()
    assert found.count(Condition.DEAD) == 1
    later = [watch.judge(sight(s, 2, **dead)) for s in range(100, 140)]
    assert later.count(Condition.DEAD) > 0, "a new life that died, too"


def test_ten_thousand_healthy_hours_with_long_pauses() -> None:
    """Writes each half second with pauses up to twice the time allowed (a full disk, a slow one), restarts, a machine
    that sleeps, a watcher that is held up: it never acts."""
    random = Random(20261130)
    for _ in range(500):  # of 20 hours
        watch, at_s, moved, waits, pid = SilenceWatch(AFTER_S), 0.0, 0, 0, 100
        while at_s < 20 * 3600:
            kind = random.random()
            if kind < 0.002:  # nothing can be written for a while; the loop turns, starved at worst
                share = random.choice((1.0, 0.2, 0.05))
                for _ in range(random.randrange(1, 60)):
                    at_s += 1
                    waits += max(2, round(100 * share))
                    found = watch.judge(LifeSign(at_s, (moved, 1, 1), pid, True, LockState.HELD, waits))
                    assert found is not Condition.HUNG and found is not Condition.DEAD
                continue
            if kind < 0.003:  # a restart: dead for as long as PM2 waits at most
                for _ in range(random.randrange(1, 16)):
                    at_s += 1
                    found = watch.judge(LifeSign(at_s, (moved, 1, 1), pid, False, LockState.FREE, None))
                    assert found is not Condition.DEAD
                pid, waits = pid + 1, 0
            # The healthy hours between are skipped in steps, as their looks are all alike.
            at_s += random.choice((1.0, 1.0, 4.0, 600.0, 3600.0))
            moved += 1
            waits += 100
            found = watch.judge(LifeSign(at_s, (moved, 1, 1), pid, True, LockState.HELD, waits))
            assert found is not Condition.HUNG and found is not Condition.DEAD
