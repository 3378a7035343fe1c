"""What is said to who looks, of a real bot's document and of parts of it that are not known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.order_life import DONE
from chat import answers
from chat.bot_link import AlertsSeen, BotLink, named_bot
from chat.messages import MOST_LINES_CHARS, Content
from shared.bots import DEFAULT_BOT, BotRef
from shared.chat_settings import ChatRole
from shared.command_table import Cmd
from shared.documents.state import BotState
from shared.liveness import BotSeen
from shared.presence import Presence
from tests.watch.seen import state


def seen(of: BotState | None, presence: Presence = Presence.FRESH, age_s: float = 0.0) -> BotSeen:
    return BotSeen(of, None, of is None, age_s if of is not None else None, presence is Presence.FRESH, presence)


ALL = {
    "status": lambda one: answers.status("main", one), "exposure": lambda one: answers.exposure("main", one),
    "position": lambda one: answers.position("main", one, ()), "orders": lambda one: answers.orders("main", one),
    "pnl": lambda one: answers.pnl("main", one), "why": lambda one: answers.why("main", one, ()),
}  # fmt: skip


def text(content: Content) -> str:
    return f"{content.head}\n{content.body}"


@pytest.mark.parametrize("word", ALL)
def test_a_bot_of_which_nothing_is_known_shows_no_figure(word: str) -> None:
    assert not any(letter.isdigit() for letter in text(ALL[word](seen(None, Presence.OFFLINE))))


@pytest.mark.parametrize("word", ALL)
def test_figures_of_a_bot_that_is_gone_say_so_and_how_old_they_are(word: str) -> None:
    said = text(ALL[word](seen(state(), Presence.OFFLINE, 4_000.0)))
    assert "OFFLINE" in said and ("1 h 6 min old" in said or "Not known yet" in said)


def test_what_is_not_known_yet_is_not_zero() -> None:
    blank = replace(state(), positions=None, portfolio_value=None, account=None, orders=None, gates=None)
    said = text(answers.status("main", seen(blank)))
    assert "Positions not known yet" in said and "Equity not known yet" in said and "0.00" not in said
    for word in ("exposure", "position", "orders", "pnl", "why"):
        assert "Not known yet" in text(ALL[word](seen(blank)))


def test_orders_that_are_over_are_the_engine_s() -> None:
    assert {one.value for one in DONE} == answers.OVER


def test_a_long_answer_is_cut_at_a_line_and_says_so() -> None:
    content = Content("x", tuple(f"line {number} {'y' * 60}" for number in range(100)))
    assert len(content.body) < MOST_LINES_CHARS + 80
    shown = content.body.splitlines()
    assert shown[-1] == f"… {100 - (len(shown) - 1)} more lines: the dashboard shows all."


def test_alerts_of_a_watcher_that_is_gone_are_not_said_to_be_none() -> None:
    assert answers.alerts(AlertsSeen(None, "COIN-WATCH never ran here")).head == "Alerts: not known"


def test_help_shows_what_the_role_may() -> None:
    assert "/kill" not in answers.help_of(ChatRole.VIEWER, "/").body
    assert "/coin kill [bot]: send nothing any more" in answers.help_of(ChatRole.OPERATOR, "/coin ").body


@pytest.mark.parametrize(
    ("words", "bot", "rest"),
    [((), "main", ()), (("BTC", "Scalper"), "scalper", ("BTC",)), (("main",), "main", ()), (("x",), "main", ("x",))],
)
def test_a_bot_is_named_by_any_of_the_words(words: tuple[str, ...], bot: str, rest: tuple[str, ...]) -> None:
    assert named_bot([DEFAULT_BOT, BotRef("scalper")], words) == (BotRef(bot), rest)


def test_a_dead_bot_can_be_paused_and_killed_and_not_flattened(tmp_path: Path) -> None:
    link = BotLink(tmp_path)
    refused: dict[str, Any] = {
        cmd: link.why_not(DEFAULT_BOT, cmd) for cmd in (Cmd.PAUSE, Cmd.KILL, Cmd.START, Cmd.FLATTEN)
    }
    assert [cmd for cmd, why in refused.items() if why] == ["flatten"]
