"""The Strategy page: cards with what was measured, and choosing one: who may, what is written, how the bot gets it."""

import os
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from dotenv import dotenv_values

from dashboard.pages.strategy import cards_view
from dashboard.strategy_choice import Choice
from dashboard.views.snapshot import Pm2Look
from shared import live_permission, strategy_evidence
from shared.files import write_whole
from shared.lab_verdicts import LabStanding
from shared.pm2 import Effective, Pm2Client, Pm2Process
from shared.settings import Mode, Secret
from shared.strategy_cards import CARDS
from shared.strategy_choice import GOALS
from tests.dashboard.conftest import Dash
from tests.dashboard.test_access import age
from tests.dashboard.test_alerts import text_of


@pytest.fixture(autouse=True)
def _own_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("STRATEGY", "KIND", "GRANULARITY", "COIN_MODE"):
        monkeypatch.delenv(key, raising=False)


def env(dash: Dash) -> dict[str, str | None]:
    return dotenv_values(dash.loaded.env_file, interpolate=False)


async def chosen(client: httpx.AsyncClient, name: str, **fields: str) -> httpx.Response:
    return await client.post("/strategy/choose", data={"strategy": name, **fields})


class Asked(Pm2Client):
    """A PM2 that does as it is told, and keeps what that was."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def restart(self, name: str) -> None:
        self.told.append(name)


def up(dash: Dash) -> Asked:
    """PM2 knows the bot's process, and it runs."""
    name = dash.hub.reader.bot.process
    process = Pm2Process(
        name, 0, os.getpid(), "online", Effective.ONLINE, "online", 0, 1, 1, 0.0, "", None, 0, 0, "", ""
    )
    before = dash.hub.reader.snapshot
    dash.hub.reader.snapshot = lambda: replace(before(), pm2=Pm2Look(None, "6", (process,)))  # type: ignore[method-assign]
    asked = Asked()
    dash.hub.reader.pm2_client = asked
    return asked


async def test_each_goal_shows_the_cards_of_its_strategies_and_what_was_measured(dash: Dash) -> None:
    evidence = strategy_evidence.read()
    assert evidence is not None
    async with dash.machine("viewer") as client:
        for goal in GOALS:
            page = unescape(text_of((await client.get(f"/strategy?after={goal.key}")).text))
            for name in goal.strategies:
                assert CARDS[name].title in page and CARDS[name].source.split("*")[0].strip()[1:] in page
            assert ("Not built yet." in page) == (not goal.strategies)
            assert (evidence.command in page) == bool(goal.strategies)
        hold = text_of((await client.get("/strategy?after=hold")).text)
        assert "It earned more than holding on none." in hold and f"Measured {evidence.made}" in hold
        watch = text_of((await client.get("/strategy?after=watch")).text)
        assert "Not measured: it is not among the families" in watch
        assert "Choose trend" not in hold, "a viewer chooses nothing"
        usual = text_of((await client.get("/strategy")).text)
        assert "two averages that cross" in usual, "the goal of what is set"


async def test_choosing_writes_what_it_said_and_the_bot_is_restarted_on_request(dash: Dash) -> None:
    asked = up(dash)
    async with await dash.browser() as client:
        assert "What are you after?" in text_of((await client.get("/")).text)
        refused = await client.post("/commands", data={"cmd": "restart_process"})
        assert refused.status_code == 409 and asked.told == []
        page = text_of((await client.get("/strategy?after=hold")).text)
        assert "Choose trend" in page and "GRANULARITY" in page and "waits for a restart" not in page
        done = await chosen(client, "trend", DRY_RUN="false", STOP_LOSS_PCT="90")
        assert (done.status_code, done.headers["location"]) == (303, "/strategy?after=hold#st-wait")
        assert env(dash) == {"STRATEGY": "trend", "GRANULARITY": "ONE_HOUR"}
        page = text_of((await client.get("/strategy")).text)
        assert "trend is chosen, and waits for a restart" in page and "It is what .env says." in page
        assert "Restart COIN-BOT" in page
        assert "What are you after?" not in text_of((await client.get("/")).text)
        assert "trend .env" in " ".join(text_of((await client.get("/settings?q=STRATEGY")).text).split())
        audit = dash.paths.audit.read_text()
        assert '"strategy_chosen"' in audit and '"GRANULARITY"' in audit
        assert "Strategy chosen" in text_of((await client.get("/events")).text)
        assert (await client.post("/commands", data={"cmd": "restart_process"})).status_code in (202, 303)
    assert asked.told == ["COIN-BOT"]


async def test_what_is_chosen_twice_changes_nothing_and_is_not_noted(dash: Dash) -> None:
    async with await dash.browser() as client:
        await chosen(client, "steady")
        before, noted = dash.loaded.env_file.read_bytes(), dash.paths.audit.read_text().count("strategy_chosen")
        assert (await chosen(client, "steady")).status_code == 303
    assert dash.loaded.env_file.read_bytes() == before
    assert dash.paths.audit.read_text().count("strategy_chosen") == noted == 1


async def test_an_old_sign_in_a_viewer_a_token_and_an_unknown_name_change_nothing(dash: Dash) -> None:
    before = dash.loaded.env_file.read_text()
    async with await dash.browser() as client:
        for name in ("", "quote", "STRATEGY", "../trend", "trend\nDRY_RUN=false"):
            assert (await chosen(client, name)).status_code == 422
        age(dash, client)
        answer = await chosen(client, "trend")
        assert answer.headers["location"] == "/confirm?back=%2Fstrategy%3Fafter%3Dhold"
        page = text_of((await client.get("/strategy?after=hold")).text)
        assert "Confirm your sign-in" in page and "Choose trend" not in page
    async with await dash.browser() as client:
        del client.headers["x-csrf-token"]
        assert (await chosen(client, "trend")).status_code == 403
    async with await dash.browser("viewer") as client:
        assert (await chosen(client, "trend")).status_code == 403
        assert "What are you after?" not in text_of((await client.get("/")).text)
    async with dash.machine() as client:
        assert (await chosen(client, "trend")).status_code == 403
    assert dash.loaded.env_file.read_text() == before


@pytest.mark.parametrize("how", ["set", "runs"])
async def test_with_real_money_it_says_what_would_end_and_writes_nothing(
    make_dash: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: Dash = make_dash(
        env={"COIN_MODE": "live", "STRATEGY": "sma_cross", "PROFILE": "canary", "COINBASE_KEY_FILE": "/nowhere"}
        if how == "set"
        else {"STRATEGY": "dca"}
    )
    live.beat()
    if how == "runs":
        before = live.hub.reader.snapshot
        monkeypatch.setattr(live.hub.reader, "snapshot", lambda: replace(before(), mode=Mode.LIVE))
    text = live.loaded.env_file.read_text()
    async with await live.browser() as client:
        page = text_of((await client.get("/strategy?after=hold")).text)
        assert "./coin strategy use trend, ./coin enable-live" in page and "Choose trend" not in page
        refused = await chosen(client, "trend")
        assert refused.status_code == 422 and "permission for live orders" in text_of(refused.text)
        assert "waits for a restart" not in page
        assert "What are you after?" not in text_of((await client.get("/")).text)
    assert live.loaded.env_file.read_text() == text


@pytest.mark.parametrize(("answer", "reason"), [("GO", ""), ("NO-GO", "a small sum <b>only</b>")])
async def test_with_real_money_it_shows_what_the_lab_said_and_the_reason(
    dash: Dash, answer: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = LabStanding(answer, "run-1 of yesterday: luck explains it", "0")
    agreed = live_permission.terms(dash.loaded.settings, "f" * 32)
    data = live_permission.grant(agreed, 7.0, "key", Secret("secret"), 1_000, "ann", lab, reason)
    write_whole(dash.paths.live_permission, data, durable=False)
    async with dash.machine("viewer") as client:
        assert "luck explains it" not in (await client.get("/strategy")).text, "no real money, no permission to show"
        before = dash.hub.reader.snapshot
        monkeypatch.setattr(dash.hub.reader, "snapshot", lambda: replace(before(), mode=Mode.LIVE))
        page = (await client.get("/strategy")).text
    text = unescape(text_of(page))
    assert f"{answer}: run-1 of yesterday: luck explains it" in text and "<b>only" not in page
    assert ("without a GO of the lab" in text) == bool(reason)
    assert (f'Allowed without a GO by ann: "{reason}"' in text) == bool(reason)


async def test_what_the_environment_holds_is_not_written(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANULARITY", "ONE_MINUTE")
    async with await dash.browser() as client:
        refused = await chosen(client, "trend")
        assert refused.status_code == 422 and "GRANULARITY is set in the environment" in text_of(refused.text)
    assert "STRATEGY" not in env(dash)


async def test_a_file_of_settings_that_cannot_be_used_is_said(dash: Dash) -> None:
    dash.loaded.env_file.write_text("STRATEGYY=trend\n")
    async with await dash.browser() as client:
        page = text_of((await client.get("/strategy?after=hold")).text)
        assert ".env cannot be used" in page and "STRATEGYY" in page
        assert (await chosen(client, "trend")).status_code == 422
    assert dash.loaded.env_file.read_text() == "STRATEGYY=trend\n"


def test_code_and_titles_are_set_apart_and_nothing_is_lost() -> None:
    found = cards_view.pieces("As `A_B` in *A Book* (1999), `c`")
    assert [(one.mark, one.text) for one in found] == [
        ("", "As "), ("code", "A_B"), ("", " in "), ("em", "A Book"), ("", " (1999), "), ("code", "c"),
    ]  # fmt: skip
    for card in CARDS.values():
        texts = (card.idea, card.source, card.must_be_true, card.fails_when)
        assert all("`" not in one.text and "*" not in one.text for text in texts for one in cards_view.pieces(text))


def test_without_figures_a_card_says_that_it_was_not_measured() -> None:
    panel = cards_view.card("trend", "", Choice("trend", [], ""), None)
    assert panel.tallies == [] and panel.failed == [] and panel.rows == []
