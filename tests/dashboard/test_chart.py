"""The chart: the bar that is not closed yet, which product it opens on, and one that nobody watches."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.pages.chart.forming import Forming, forming
from dashboard.pages.chart.page import settle
from dashboard.views import chart
from dashboard.views.snapshot import Snapshot
from shared.documents.market import MinuteDoc, Quote
from shared.market_data import CandleRow
from shared.presence import Presence
from tests.dashboard.conftest import Dash
from tests.dashboard.past_files import fill_market

HOUR = 1_795_200_000 // 3600 * 3600


def minute(start_s: int, *prices: float, since_ms: int = 300) -> MinuteDoc:
    return MinuteDoc(
        start_s=start_s, since_ms=start_s * 1000 + since_ms, open=prices[0], high=max(prices), low=min(prices),
        close=prices[-1],
    )  # fmt: skip


def at(now_s: int, *minutes: MinuteDoc, presence: Presence = Presence.FRESH) -> Snapshot:
    quote = Quote(product_id="A-USD", bid=None, ask=None, last=minutes[-1].close if minutes else 5.0, at_ms=0,
                  minutes=list(minutes))  # fmt: skip
    return Snapshot(
        now=datetime.fromtimestamp(now_s, UTC), presence=presence, state=None, age_s=0.2, watched_s=1.0, mode="sim",
        locked=False, quotes={"A-USD": quote},
    )  # fmt: skip


def made(s: Snapshot, length_s: int = 60, closed_s: int | None = None, rows: Sequence[CandleRow] = ()) -> Forming:
    found = forming(s, "A-USD", length_s, closed_s, rows)
    assert found is not None
    return found


def test_a_minute_is_made_of_the_prices_that_were_heard_and_ends_at_the_last_one() -> None:
    s = at(HOUR + 80, minute(HOUR, 9.0), minute(HOUR + 60, 10.0, 12.0, 8.0, 11.0))
    found = made(s, closed_s=HOUR)
    assert found.bars == [[HOUR + 60, 10.0, 12.0, 8.0, 11.0]]
    assert found.live and found.since is None
    assert (found.age, found.shuts) == ("20\u00a0s", "40\u00a0s")
    assert found.newest[4] == chart.last_price(s, "A-USD"), "its close is the figure Last"


def test_a_minute_that_ended_stays_until_the_exchanges_own_bar_is_there() -> None:
    s = at(HOUR + 62, minute(HOUR, 9.0, 9.5), minute(HOUR + 60, 10.0))
    assert [bar[0] for bar in made(s, closed_s=HOUR - 60).bars] == [HOUR, HOUR + 60]
    assert [bar[0] for bar in made(s, closed_s=HOUR).bars] == [HOUR + 60]


def test_a_longer_bar_begins_with_the_exchanges_closed_minutes() -> None:
    rows = [CandleRow(HOUR, 7.0, 7.5, 6.5, 7.2, 1.0), CandleRow(HOUR + 120, 7.3, 9.0, 7.0, 8.0, 1.0)]
    s = at(HOUR + 200, minute(HOUR + 120, 99.0), minute(HOUR + 180, 8.0, 8.5))
    found = made(s, 3600, HOUR - 3600, rows)
    assert found.bars == [[HOUR, 7.0, 9.0, 6.5, 8.5]], "a minute that is closed counts as the exchange tells it"
    assert found.shuts.startswith("56\u00a0min")


def test_a_bar_that_was_not_heard_from_its_start_says_so() -> None:
    s = at(HOUR + 50, minute(HOUR, 9.0, since_ms=21_000))
    assert made(s).since == datetime.fromtimestamp(HOUR + 21, UTC)
    assert made(s, 300).since == datetime.fromtimestamp(HOUR + 21, UTC)


@pytest.mark.parametrize(("now_s", "presence"), [(HOUR + 75, Presence.FRESH), (HOUR + 50, Presence.STALE)])
def test_what_is_over_or_of_a_silent_bot_is_not_called_forming(now_s: int, presence: Presence) -> None:
    found = made(at(now_s, minute(HOUR, 9.0), presence=presence))
    assert not found.live and found.shuts == ""


def test_nothing_heard_is_no_bar() -> None:
    assert forming(at(HOUR), "A-USD", 60, None, ()) is None
    assert forming(at(HOUR), "B-USD", 60, None, ()) is None


async def test_the_api_hands_it_out_beside_the_closed_bars(dash: Dash) -> None:
    fill_market(dash.paths, days_back=1)
    dash.writer.write_market()
    dash.beat()
    async with dash.machine() as client:
        for granularity, length_s in (("ONE_MINUTE", 60), ("ONE_HOUR", 3600)):
            found = (await client.get(f"/api/candles?product_id=BTC-USD&granularity={granularity}")).json()
            start_s, first, high, low, close = found["forming"][-1]
            assert close == found["last"] and low <= min(first, close) <= max(first, close) <= high
            assert start_s % length_s == 0 and start_s > found["candles"][-1][0]
            assert found["step_s"] == length_s


def test_it_opens_where_the_money_is(dash: Dash) -> None:
    s = dash.hub.reader.snapshot()
    assert s.state is not None and s.state.positions
    most = max(s.state.positions, key=lambda p: p.size_usd or 0)
    assert chart.opens_on(s, ("LTC-USD",)) == most.product_id
    first, *others = [p for p in s.state.positions if p is not most]
    grown = replace(first, size_usd=1e9)
    assert chart.opens_on(replace(s, state=replace(s.state, positions=[most, grown, *others])), ()) == first.product_id
    assert chart.opens_on(replace(s, state=replace(s.state, positions=[])), ("LTC-USD", "ADA-USD")) == "LTC-USD"


def test_what_was_asked_for_goes_before_what_was_kept_and_that_before_the_money(dash: Dash) -> None:
    s, hub = dash.hub.reader.snapshot(), dash.hub
    kept = {"product": "SOL-USD", "g": "ONE_HOUR"}
    assert settle(hub, s, {"product": "ETH-USD"}, kept) == {"product": "ETH-USD", "g": "ONE_HOUR"}
    assert settle(hub, s, {}, kept) == kept
    assert settle(hub, s, {}, {"product": "GONE-USD"})["product"] == chart.opens_on(s, ())
    assert settle(hub, s, {"product": "GONE-USD"}, kept)["product"] == "GONE-USD", "asked for by name: answered by name"


async def test_a_product_that_nobody_watches_is_said_to_be_unknown(dash: Dash) -> None:
    dash.beat()
    async with dash.machine() as client:
        answer = await client.get("/chart?product=DOGE-USD")
        assert answer.status_code == 404 and "set-cookie" not in answer.headers
        assert "does not trade DOGE-USD" in answer.text and "data-chart=" not in answer.text
        for product in ("BTC-USD", "ETH-USD", "SOL-USD"):
            assert f"?product={product}&amp;" in answer.text
        live = await client.get("/live?page=chart&product=DOGE-USD")
        assert "does not trade DOGE-USD" in live.text and "data-chart=" not in live.text


async def test_a_chosen_product_is_remembered(dash: Dash) -> None:
    async with dash.machine() as client:
        assert 'data-product="SOL-USD"' in (await client.get("/chart?product=SOL-USD&g=ONE_HOUR")).text
        again = (await client.get("/chart")).text
        assert 'data-product="SOL-USD" data-granularity="ONE_HOUR"' in again
        assert "page=chart&amp;product=SOL-USD&amp;g=ONE_HOUR" in again, "the stream is asked for the same one"
    async with dash.machine() as other:
        dash.beat()
        opens = chart.opens_on(dash.hub.reader.snapshot(), ())
        assert f'data-product="{opens}"' in (await other.get("/chart")).text


async def test_only_bars_that_the_bot_keeps_are_offered(dash: Dash) -> None:
    s = dash.hub.reader.snapshot()
    assert s.state is not None and s.state.strategy is not None
    assert list(chart.granularities(s).values()) == ["1m", "5m", "1h", "1d"]
    quarter = replace(s.state.strategy, granularity="FIFTEEN_MINUTE")
    assert "15m" in chart.granularities(replace(s, state=replace(s.state, strategy=quarter))).values()


def test_no_bar_is_forming_while_the_bot_is_blind(dash: Dash) -> None:
    heard = at(HOUR + 20, minute(HOUR, 9.0))
    for blind in (True, False):
        dash.writer.blind_since = datetime.now(UTC) - timedelta(seconds=9) if blind else None
        state = dash.writer.state()
        assert state.feeds is not None
        state = replace(state, feeds=replace(state.feeds, clock_offset_ms=0))
        assert made(replace(heard, state=state)).live is not blind
