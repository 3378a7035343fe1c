"""Replay of trades and of recorded stream sessions: what went in comes out."""

import asyncio
import gzip
import json
import signal
import time
from pathlib import Path

import pytest

from simulator.core.bars import SimBar, fold
from simulator.core.draws import Draws
from simulator.core.replay import Anchor, BadRecording
from simulator.core.tape import MINUTE_US
from simulator.core.trades import TradeRecording, TradeReplay
from simulator.exchange import Config, Exchange
from simulator.inprocess import LocalExchange
from simulator.server.recordings import load
from simulator.server.sessions import RecordedSession, is_session
from simulator.store import Store
from tests.simulator.conftest import Sim

CLOCK = 29_900_000


def trades_file(tmp_path: Path, count: int = 500) -> Path:
    draws = Draws("trades")
    at, price, lines = 1_786_309_440_000_000, 191_962, ["time,trade_id,price,size,side"]
    for i in range(count):
        at += draws.below(2_000_000)
        price += draws.bell(30)
        side = "BUY" if draws.chance(500) else "SELL"
        lines.append(f"{at / 1e6:.6f},{i},{price / 100:.2f},{1 + draws.below(10**8):d}e-8,{side}")
    path = tmp_path / "venue_ETH-USD_trades.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_recorded_trades_are_printed_as_they_were(tmp_path: Path, speed: float) -> None:
    recording = load(trades_file(tmp_path), "BTC-USD")
    assert isinstance(recording, TradeRecording) and recording.product.product_id == "ETH-USD"
    tape = TradeReplay(recording, Anchor(CLOCK, recording.first, speed))
    played = [p for minute in range(CLOCK, CLOCK + 20) for p in tape.prints("ETH-USD", minute)]
    assert [(p.tick, p.steps, p.maker_buys) for p in played] == [
        (recording.tick[i], recording.steps[i], bool(recording.maker_buys[i])) for i in range(500)
    ]
    for minute in range(CLOCK, CLOCK + 5):
        prints = tape.prints("ETH-USD", minute)
        assert tape.minute("ETH-USD", minute) == fold(SimBar(p.tick, p.tick, p.tick, p.tick, p.steps) for p in prints)
    assert tape.bar("ETH-USD", CLOCK * 60 // 300 * 300, 300) == fold(
        b for m in range(CLOCK // 5 * 5, CLOCK // 5 * 5 + 5) if (b := tape.minute("ETH-USD", m))
    )


def test_trades_reach_the_book_and_the_candles(tmp_path: Path) -> None:
    recording = load(trades_file(tmp_path), "BTC-USD")
    assert isinstance(recording, TradeRecording)
    tape = TradeReplay(recording, Anchor(CLOCK, recording.first + 2, 1.0))
    exchange = LocalExchange(tape=tape, start_us=CLOCK * MINUTE_US)
    exchange.advance((CLOCK + 3) * MINUTE_US)
    candles = exchange.exchange.candles["ETH-USD"]
    for minute in range(CLOCK, CLOCK + 3):
        assert candles.minute(minute) == tape.minute("ETH-USD", minute)


@pytest.mark.parametrize(
    "row", ["x,1,1,1,BUY", "1786309440,1,-1,1,BUY", "1786309440,1,1,0,BUY", "1786309440,1,1,1,MAYBE", "1786309440,1"]
)
def test_trades_that_are_none_are_named(tmp_path: Path, row: str) -> None:
    path = trades_file(tmp_path)
    path.write_text(path.read_text() + "\n" + row)
    with pytest.raises(BadRecording, match="line 502"):
        load(path, "BTC-USD")


def session_file(tmp_path: Path, seconds: int = 4) -> tuple[Path, LocalExchange]:
    """A session of our own stream, recorded."""
    source = LocalExchange(market="lively", config=Config(client_id=False, levels=100))
    stream = source.connect()
    for channel in ("candles", "level2", "market_trades"):
        stream.send(json.dumps({"type": "subscribe", "channel": channel, "product_ids": ["SOL-USD"]}))
    lines = []
    for _ in range(seconds * 20):
        lines += [json.dumps({"ts": source.now_us / 1e6, "data": text}) for text in stream.take()]
        source.advance(source.now_us + 50_000)
    lines += [json.dumps({"ts": source.now_us / 1e6, "data": text}) for text in stream.take()]
    path = tmp_path / "session.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path, source


async def test_a_recorded_session_rebuilds_the_book_it_was_taken_from(tmp_path: Path) -> None:
    path, source = session_file(tmp_path)
    assert is_session(path)
    session = RecordedSession(path, 1000.0)
    now = int(time.time() * 1e6)
    exchange = Exchange(session.tape(now), Store(None), Config(), now)
    await asyncio.wait_for(session.play(exchange), 20)
    theirs, ours = (e.venue.markets["SOL-USD"] for e in (source.exchange, exchange))
    assert ours.book.bids.levels() == theirs.book.bids.levels() and ours.book.asks.levels() == theirs.book.asks.levels()
    assert [t.tick for t in ours.trades] == [t.tick for t in theirs.trades][-len(ours.trades) :]
    assert ours.gate.cancel_only and "ended" in ours.gate.status_message
    assert len(exchange.candles["SOL-USD"].window(now // 10**6 - 6000, now // 10**6, 300, now)) > 10


def test_a_session_is_served(tmp_path: Path) -> None:
    path, _ = session_file(tmp_path, 30)
    sim = Sim(tmp_path / "data", settings={"COIN_MODE": "replay", "SIM_REPLAY": str(path)})
    sim.folder.mkdir()
    try:
        client = sim.start().sdk()
        for _ in range(50):
            book = client.get_product_book("SOL-USD", 5).to_dict()["pricebook"]
            if book["bids"]:
                break
            time.sleep(0.1)
        assert len(book["bids"]) == len(book["asks"]) == 5
        assert client.market_order_buy("a", "SOL-USD", quote_size="50").success
    finally:
        sim.stop(signal.SIGKILL)


@pytest.mark.parametrize(
    "text", ["", "nonsense\n", '{"channel":"ticker"}\n', '{"channel":"x","timestamp":"never","events":[]}\n']
)
def test_sessions_that_are_none_say_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(BadRecording):
        RecordedSession(path, 1.0)
