"""A venue that lacks what the bot cannot do without is refused at boot, by the capability's name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.app.offload import DaemonOffload, ThreadOffload
from bot.app.process import EXIT_SETTINGS, Process, SystemPorts
from bot.domain.kinds import OrderKind
from bot.domain.timeframe import Timeframe
from bot.venues import registry
from bot.venues.capabilities import Repeat, lacking
from bot.venues.net import SystemNet
from shared.ports import SystemClock, SystemFs, SystemRng
from shared.settings import Settings
from tests.venues.memory.venue import VENUE, WITH_IDS, WITHOUT_IDS, MemoryVenue

IDS = WITH_IDS.client_ids
assert IDS is not None


@pytest.mark.parametrize(
    ("changes", "settings", "name"),
    [
        ({}, {}, None),
        ({"client_ids": None}, {}, "client order ids"),
        ({"client_ids": replace(IDS, listed=False)}, {}, "look-up by client order id"),
        ({"client_ids": replace(IDS, repeat=Repeat.SECOND_ORDER)}, {}, "no second order for one id"),
        ({"client_ids": replace(IDS, max_length=39)}, {}, "client order ids of 40 characters"),
        ({"quote_fees": False}, {}, "fees in the quote currency"),
        ({"fills_since": False}, {}, "fills since a time"),
        ({"order_kinds": frozenset({OrderKind.LIMIT})}, {}, "market orders"),
        ({}, {"granularity": "FIVE_MINUTE"}, "bars of FIVE_MINUTE"),
        ({"timeframes": frozenset({Timeframe.HOUR})}, {"granularity": "ONE_HOUR"}, "bars of ONE_MINUTE"),
        ({"post_only": False}, {"entry_order": "maker"}, "post-only limit orders"),
        ({"post_only": False}, {"take_profit_order": "limit"}, "post-only limit orders"),
        ({"post_only": False}, {}, None),
        ({}, {"max_impact_bp": 10.0}, "a stream of the order book"),
        ({"book": True}, {"max_impact_bp": 10.0}, None),
    ],
)
def test_what_is_lacking_is_named(changes: dict[str, Any], settings: dict[str, Any], name: str | None) -> None:
    base = {"take_profit_order": "market", "max_impact_bp": 0.0}
    found = list(lacking(replace(WITH_IDS, **changes), Settings(**(base | settings)), 40))
    assert (not found) if name is None else any(text.startswith(name) for text in found), found


def test_the_default_venue_lacks_nothing() -> None:
    for granularity in Timeframe:
        settings = Settings(granularity=granularity.value, entry_order="maker", max_impact_bp=10.0, bot_name="b" * 20)
        assert not list(lacking(registry.load().capabilities, settings, len("ct--") + 20 + 32))


def test_a_venue_is_its_folder_and_a_line_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(registry.UnknownVenue, match="no venue memory: there are"):
        registry.load("memory")
    monkeypatch.setitem(registry.MODULES, "memory", "tests.venues.memory.venue")
    assert registry.load("memory") is VENUE


async def test_the_bot_does_not_start_on_a_venue_without_ids(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    settings.paths.prepare()
    pools, net = (ThreadOffload("files"), ThreadOffload("market")), SystemNet()
    process = Process(
        settings, [], SystemPorts(SystemClock(), SystemRng(), SystemFs(), net, *pools, DaemonOffload("strategy"))
    )
    process.bot.venue = MemoryVenue()
    assert WITHOUT_IDS.client_ids is None
    assert await process.run() == EXIT_SETTINGS
    assert process.bot.error is not None
    assert "the venue memory lacks" in process.bot.error and "look-up by client order id" in process.bot.error
    for pool in pools:
        pool.close()
    net.close()
