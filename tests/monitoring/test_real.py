"""Every rule fires in a running Prometheus when its cause is there, and clears when it is gone."""

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest

from monitoring.grafana.dashboards import DASHBOARDS
from monitoring.grafana.panel import GrafanaPanel
from monitoring.rules import HOST_RULES, RULES, PrometheusRule
from shared.command_table import Cmd
from tests.monitoring.story import Story, system

pytestmark = [
    pytest.mark.services,
    pytest.mark.needs("prometheus", "alertmanager", "pm2", "proc"),
    pytest.mark.timeout(400),  # seconds: the first test of this file waits for the whole story
]


def buy_dearly(story: Story) -> None:
    """The fees, a tenth of what is bought, are lost at once."""
    with story.cause("BotEquityDrop", "BotEntriesLatched"):
        story.command(Cmd.START)
    story.command(Cmd.START)  # the drawdown counts from here
    story.over("BotEquityDrop", "BotEntriesLatched")


def lose_the_answer_to_a_sale(story: Story) -> None:
    state = story.made.wait(lambda s: any(lot.exit_state == "resting" for p in s.positions or () for lot in p.lots))
    lot = next(lot for p in state.positions or () for lot in p.lots if lot.exit_state == "resting")
    names = ("BotOrderUnknown", "BotRateLimited")
    with story.cause(*names):
        story.faults(
            server_error={"hits": [2, 3, 4], "method": "POST", "match": "/orders"},  # the first one takes its exit back
            rate_limit={"rate": 1, "method": "GET"},  # nor is it found
        )
        story.command(Cmd.CLOSE_LOT, lot_id=lot.lot_id)
    story.faults()
    story.over(*names)


def hold_back_answers(story: Story) -> None:
    with story.cause("BotApiSlow"):
        story.faults(latency={"rate": 1, "min_ms": 2500, "max_ms": 2600})
    story.faults()
    story.over("BotApiSlow")


def fall_silent(story: Story) -> None:
    names = ("BotFeedStale", "BotBlind")
    with story.cause(*names):
        story.faults(silent_death={"rate": 1}, server_error={"rate": 1})
    story.faults()
    story.over(*names)


def crash_again_and_again_with_a_wrong_clock(story: Story) -> None:
    with story.cause("RestartLoop", "BotClockOff"):
        story.faults(clock_skew={"rate": 1, "ms": 3000})
        for _ in range(5):
            story.kill9_bot()
        story.made.wait_trading(60)
    story.faults()
    story.over("RestartLoop")


def stop_the_bot_and_its_watcher(story: Story) -> None:
    names = ("BotDown", "ProcessDown", "WatcherSilent")
    with story.cause(*names):
        story.made.client.stop("COIN-BOT")
        story.made.client.stop("COIN-WATCH")
    story.made.client.start("COIN-WATCH")
    story.made.client.start("COIN-BOT")  # it looks at the clock anew
    story.made.wait_trading(60)
    story.over(*names, "BotClockOff")


def hold_up_commits(story: Story) -> None:
    with story.cause("BotCommitSlow"):
        for cmd in (Cmd.PAUSE, Cmd.START) * 7:
            with story.ledger_locked():
                story.command(cmd)
                time.sleep(0.4)
            time.sleep(0.15)
    story.over("BotCommitSlow")


def leave_no_room(story: Story) -> None:
    with story.no_room(), story.cause("BotLedgerUnwritable"):
        for cmd in (Cmd.PAUSE, Cmd.START) * 20:
            story.command(cmd)  # each is written down, until there is no room left
            time.sleep(0.1)
            if "BotLedgerUnwritable" in story.firing():
                break
    story.over("BotLedgerUnwritable")


def stall_the_loop(story: Story) -> None:
    with story.cause("BotLoopLag"):
        for _ in range(4):
            pid = story.made.pid("COIN-BOT")
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1.5)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.2)
    story.over("BotLoopLag")


def kill_and_reset(story: Story) -> None:
    with story.cause("BotKilled"):
        story.command(Cmd.KILL)
    state = story.made.wait(lambda s: s.kill is not None)
    assert state.kill is not None
    story.command(Cmd.RESET_KILL, latch_id=state.kill.latch_id)
    story.made.wait(lambda s: s.kill is None)
    story.over("BotKilled")


def stop_the_dashboard(story: Story) -> None:
    with story.cause("TargetDown"):
        story.made.client.stop("COIN")
    story.made.client.start("COIN")
    story.over("TargetDown")


BY_ITSELF = "BotNoDecisions"
HOST_FIGURES = ("HostCpuBusy", "HostMemoryLow", "DiskFilling", "DiskFull", "OutOfMemoryKill")
BOT_STEPS = (
    hold_back_answers, fall_silent, crash_again_and_again_with_a_wrong_clock, stop_the_bot_and_its_watcher,
    hold_up_commits, leave_no_room, stall_the_loop, kill_and_reset, stop_the_dashboard,
)  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with system(tmp_path_factory.mktemp("story")) as found:
        buy_dearly(found)
        lose_the_answer_to_a_sale(found)
        page = found.page
        page.idle_share, page.memory_free_pct, page.disk_free_pct, page.oom_kills = 0.02, 5.0, 3.0, 1
        with found.cause(*HOST_FIGURES, limit_s=40):
            pass
        page.idle_share, page.memory_free_pct, page.disk_free_pct = 0.8, 60.0, 50.0
        found.over(*HOST_FIGURES)
        with found.cause("AlertsNotDelivered"):
            found.sink.refuses = True
            page.oom_kills += 1
        found.sink.refuses = False
        found.over("AlertsNotDelivered")
        for step in BOT_STEPS:
            step(found)
        found.wait_clear(130)
        found.sink.wait_resolved(20)
        yield found


def test_the_story_is_about_every_rule(story: Story) -> None:
    assert {*story.seen, BY_ITSELF} == {rule.name for rule in RULES}


def test_a_bar_that_is_long_at_this_pace_is_a_bot_without_decisions_until_the_next(story: Story) -> None:
    """Two bars are four seconds here, and a decision comes each minute."""
    changes = story.changes[BY_ITSELF]
    assert True in changes and False in changes[changes.index(True) :]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.name != BY_ITSELF], ids=lambda rule: rule.name)
def test_a_rule_is_silent_fires_and_clears(story: Story, rule: PrometheusRule) -> None:
    seen = story.seen[rule.name]
    assert seen.quiet_before, f"it fired before there was a reason: {story.changes}"
    assert seen.fired_s is not None, "it never fired"
    assert seen.cleared_s is not None, "it fires although its cause is gone"


def test_alertmanager_tells_of_the_host_and_of_no_bot(story: Story) -> None:
    told = set(story.sink.told)
    for name in ("HostCpuBusy", "HostMemoryLow", "DiskFull", "OutOfMemoryKill", "TargetDown", "WatcherSilent"):
        assert (name, "firing") in told and (name, "resolved") in told, name
    assert {labels["scope"] for labels in story.sink.labels} == {"host"}
    assert {name for name, _ in told} <= {rule.name for rule in HOST_RULES}


def test_what_follows_from_an_alert_that_is_told_is_not_told_too(story: Story) -> None:
    assert story.seen["DiskFilling"].fired_s is not None and story.seen["ProcessDown"].fired_s is not None
    told = {(labels["alertname"], labels.get("process", labels.get("mountpoint", ""))) for labels in story.sink.labels}
    assert {("DiskFull", "/"), ("ProcessDown", "COIN-WATCH")} <= told and ("DiskFilling", "/") not in told
    assert not {name for name, about in told if about == "COIN-BOT"}, "COIN-WATCH tells of the bot's process"


PANELS = [(board.title, panel) for board in DASHBOARDS for panel in board.panels]


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=[f"{board}: {panel.title}" for board, panel in PANELS])
def test_a_panel_shows_what_was(story: Story, board: str, panel: GrafanaPanel) -> None:
    """Each of its expressions has data of this very system; a legend names only labels that there are."""
    for query in panel.queries:
        found = story.over_time(query.expr)
        assert found, f"{query.expr} has no data"
        for name in re.findall(r"\{\{(\w+)\}\}", query.legend):
            assert any(name in labels for labels in found), f"no series of {query.expr} has the label {name}"
