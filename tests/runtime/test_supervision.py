"""Every task of the running process, ended by an error in turn: the process ends within two seconds, or heals.

The tasks are read from the running loop, so one that is added later is in the table by itself.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app.process import EXIT_CRASH
from bot.venues.limiter import Priority
from tests.runtime.whole import Whole

END_S = 2.0
# A stream's error is a lost connection like any other: it comes back.
HEALS = {"stream-market", "stream-user"}
# Asked for by name: what the process does not run by itself, and the test's own.
NOT_OURS = {"process"}


class Planted(Exception):
    """Of no kind that anybody expects."""


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(tmp_path / "data", monkeypatch)
    yield made
    made.close()


def tasks(whole: Whole) -> dict[str, "asyncio.Task[Any]"]:
    """What runs in the process now, by name; unnamed ones by what they run."""
    found: dict[str, asyncio.Task[Any]] = {}
    for task in asyncio.all_tasks(whole.loop):
        name = task.get_name()
        if name.startswith("Task-"):
            coroutine: Any = task.get_coro()
            name = coroutine.__qualname__
        found[name] = task
    return {name: task for name, task in found.items() if name not in NOT_OURS}


def poison(task: "asyncio.Task[Any]") -> bool:
    """What the task waits for fails; False = it waits for nothing that can."""
    waiter: Any = task._fut_waiter  # type: ignore[attr-defined]
    while isinstance(waiter, asyncio.Task):
        waiter = waiter._fut_waiter  # type: ignore[attr-defined]
    if waiter is None or waiter.done():
        return False
    waiter.set_exception(Planted("planted"))
    return True


def at_work(whole: Whole) -> "asyncio.Task[int]":
    life = whole.begin()
    whole.trades()
    whole.until(lambda: whole.bot.ws_ok, why="streams")
    whole.drive(0.05)
    return life


def names_of(folder: Path) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        whole = Whole(folder / "data", patch)
        try:
            at_work(whole)
            return sorted(tasks(whole))
        finally:
            whole.close()


def test_the_tasks_are_those_that_are_known(tmp_path: Path) -> None:
    found = set(names_of(tmp_path))
    assert {"control", "state", "seconds", "lock", "clock-b", "clock-c", "bars", "rights", "audit"} <= found
    assert found >= HEALS and "stop" in found


def test_an_error_in_any_task_ends_the_process_or_heals(tmp_path: Path) -> None:
    names = names_of(tmp_path / "first")
    for number, name in enumerate(names):
        with pytest.MonkeyPatch.context() as patch:
            whole = Whole(tmp_path / str(number), patch)
            try:
                _one(whole, name)
            finally:
                whole.close()


def _one(whole: Whole, name: str) -> None:
    life = at_work(whole)
    task = tasks(whole).get(name)
    if task is None:
        return  # a request that was on its way in the first life
    if not poison(task):
        whole.drive(0.01)
        task = tasks(whole).get(name)
        assert task is not None and poison(task), f"{name} waits for nothing"
    began_us = whole.loop.now_us
    if name in HEALS:
        whole.until(lambda: not whole.bot.ws_ok, 5, f"{name} down")
        whole.until(lambda: whole.bot.ws_ok, 20, f"{name} back")
        assert not life.done()
        return
    whole.until(life.done, END_S + 0.2, f"the end after {name}")
    assert life.result() == EXIT_CRASH, name
    assert (whole.loop.now_us - began_us) / 1e6 <= END_S, name


def test_a_task_that_returns_is_as_dead_as_one_that_raises(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    over = asyncio.Event()

    async def ends(_bot: Any) -> None:
        await over.wait()

    monkeypatch.setattr("bot.app.background_tasks.signals", ends)
    life = at_work(whole)
    tasks(whole)["clock-b"].cancel()
    whole.drive(0.5)
    assert not life.done(), "cancelled by ourselves is no death"
    whole.loop.call_soon(over.set)
    whole.until(life.done, END_S, "the end")
    assert life.result() == EXIT_CRASH


def test_who_waits_for_the_request_budget_does_not_wait_for_a_dead_pump(whole: Whole) -> None:
    at_work(whole)
    limiter = whole.bot.limiter
    waiting = [whole.loop.create_task(limiter.take(Priority.DATA)) for _ in range(1000)]  # more than half a minute's
    whole.drive(0.1)
    assert poison(tasks(whole)["limiter"])
    whole.drive(0.1)
    assert all(one.done() for one in waiting)
    late = [one for one in waiting if one.exception() is not None]
    assert len(late) > 900 and all(isinstance(one.exception(), Planted) for one in late)


def test_a_kill_path_that_dies_ends_the_process_and_the_next_life_takes_it_up(whole: Whole) -> None:
    life = at_work(whole)
    whole.paths.kill.touch()
    whole.drive(1.0)
    name = next(name for name in tasks(whole) if "KillPath" in name)
    assert poison(tasks(whole)[name])
    whole.until(life.done, END_S, "the end")
    assert life.result() == EXIT_CRASH
    whole.begin()
    whole.until(lambda: whole.bot.kill_path.progress.cleared_ms is not None, 20, "the proof that nothing is open")
