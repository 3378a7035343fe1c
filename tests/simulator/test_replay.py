"""Replay: the candles that come out are the ones that went in, at any speed, from any usual file."""

import gzip
from pathlib import Path

import pytest

from shared.settings import Mode, Settings
from simulator.core.bars import SimBar, fold
from simulator.core.draws import Draws
from simulator.core.replay import Anchor, BadRecording, Recording, Replay
from simulator.core.tape import MINUTE_US
from simulator.inprocess import LocalExchange
from simulator.server.recordings import load, product_in_name
from simulator.server.setup import BadSetup, make_tape, open_session
from simulator.store import Store

FIRST = 28_400_000  # minutes since 1970
CLOCK = 29_900_000


def rows(count: int, minutes_each: int = 1, gaps: tuple[int, ...] = ()) -> list[tuple[int, SimBar]]:
    """Random bars in cents and 10^-8."""
    draws = Draws("recording", count, minutes_each)
    price, found = 5_000_000, []
    start = -(-FIRST // minutes_each) * minutes_each
    for i in range(count):
        last = price + draws.bell(3_000)
        high, low = max(price, last) + draws.below(2_000), min(price, last) - draws.below(2_000)
        if i not in gaps:
            found.append((start + i * minutes_each, SimBar(price, high, low, last, 10**7 + draws.below(10**9))))
        price = last
    return found


def csv_text(data: list[tuple[int, SimBar]], header: str = "time,open,high,low,close,volume", factor: int = 60) -> str:
    lines = [header]
    for minute, b in data:
        prices = ",".join(f"{p / 100:.2f}" for p in (b.open, b.high, b.low, b.close))
        lines.append(f"{minute * factor},{prices},{b.volume / 1e8:.8f}")
    return "\n".join(lines) + "\n"


def replay_of(path: Path, speed: float = 1.0, at: int = 100) -> tuple[Replay, Recording]:
    recording = load(path, "BTC-USD")
    return Replay(recording, Anchor(CLOCK, recording.first + at, speed), 1), recording


def write(tmp_path: Path, text: str, name: str = "venue_ETH-USD_1m.csv") -> Path:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_history_and_future_are_the_recording_shifted_in_time(tmp_path: Path) -> None:
    data = rows(600, gaps=(50, 130, 131))
    tape, recording = replay_of(write(tmp_path, csv_text(data)))
    assert recording.product.product_id == "ETH-USD"
    by_minute = dict(data)
    for i in range(600):
        minute = recording.first + i
        assert tape.minute("ETH-USD", CLOCK - 100 + i) == by_minute.get(minute)
    assert tape.ends == CLOCK + 500 and tape.begins == CLOCK - 100


def test_played_trades_fold_to_the_recorded_candles(tmp_path: Path) -> None:
    data = rows(300, gaps=(105,))
    tape, recording = replay_of(write(tmp_path, csv_text(data)))
    exchange = LocalExchange(tape=tape, start_us=CLOCK * MINUTE_US + 1)
    exchange.advance((CLOCK + 60) * MINUTE_US)
    candles = exchange.exchange.candles["ETH-USD"]
    by_minute = dict(data)
    for i in range(59):
        assert candles.minute(CLOCK + i) == by_minute.get(recording.first + 100 + i)


@pytest.mark.parametrize("speed", [2.0, 10.0, 60.0, 1000.0])
def test_speed_packs_the_recording_before_and_after_now(tmp_path: Path, speed: float) -> None:
    data = rows(2500)
    tape, recording = replay_of(write(tmp_path, csv_text(data)), speed, 1200)
    by_minute = dict(data)
    for clock in (CLOCK - 1, CLOCK, CLOCK + 1):
        first = recording.first + 1200 + int((clock - CLOCK) * speed)
        expected = fold(by_minute[m] for m in range(first, first + int(speed)) if m in by_minute)
        assert tape.minute("ETH-USD", clock) == expected
        prints = tape.prints("ETH-USD", clock)
        assert fold(SimBar(p.tick, p.tick, p.tick, p.tick, p.steps) for p in prints) == expected


@pytest.mark.parametrize("length", [5, 15, 60, 360, 1440])
def test_longer_bars_are_split_into_minutes_that_fold_back(tmp_path: Path, length: int) -> None:
    data = rows(40, length)
    tape, recording = replay_of(write(tmp_path, csv_text(data)), at=0)
    for minute, bar in data[3:6]:
        clock = CLOCK + minute - recording.first
        parts = [b for i in range(length) if (b := tape.minute("ETH-USD", clock + i))]
        assert fold(parts) == bar


def test_at_the_end_only_cancels_are_left(tmp_path: Path) -> None:
    tape, _ = replay_of(write(tmp_path, csv_text(rows(130))))
    exchange = LocalExchange(tape=tape, start_us=CLOCK * MINUTE_US)
    exchange.advance((CLOCK + 29) * MINUTE_US)
    market = exchange.exchange.venue.markets["ETH-USD"]
    assert not market.gate.cancel_only
    exchange.advance((CLOCK + 31) * MINUTE_US)
    assert market.gate.cancel_only and "ended" in market.gate.status_message


@pytest.mark.parametrize(
    ("header", "factor", "name"),
    [
        ("time,open,high,low,close,volume", 60, "a_SOL-USD.csv"),
        ("Timestamp,Open,High,Low,Close,Volume", 60_000, "SOL_USD-1m.csv.gz"),
        ("open_time,o,h,l,c,vol", 60_000_000, "x-SOL-USD-y.csv"),
    ],
)
def test_usual_spellings_are_understood(tmp_path: Path, header: str, factor: int, name: str) -> None:
    data = rows(40)
    recording = load(write(tmp_path, csv_text(data, header, factor), name), "BTC-USD")
    assert recording.product.product_id == "SOL-USD"
    assert [(recording.minute[i], recording.at(i)) for i in range(40)] == data


def test_iso_times_and_unnamed_files(tmp_path: Path) -> None:
    lines = ["date,open,high,low,close,volume"]
    lines += [f"2024-01-01 00:{i:02d}:00+00:00,1.5,1.6,1.4,1.55,10" for i in range(30)]
    recording = load(write(tmp_path, "\n".join(lines), "mine.csv"), "XYZ-USD")
    assert recording.product.product_id == "XYZ-USD" and len(recording.minute) == 30


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("a,b,c\n1,2,3\n", "no column"),
        ("time,open,high,low,close,volume\n60,1,1,1,1,1\n", "too few"),
        ("time,open,high,low,close,volume\nnever,1,1,1,1,1\n", "line 2"),
        ("time,open,high,low,close,volume\n60,1,x,1,1,1\n", "line 2"),
        ("time,open,high,low,close,volume\n60,1,1\n", "line 2"),
        ("time,open,high,low,close,volume\n60,1,1,-1,1,1\n", "positive"),
        ("time,open,high,low,close,volume\n" + "".join(f"{i * 420},1,1,1,1,1\n" for i in range(20)), "7 minutes"),
    ],
)
def test_files_that_are_no_recording_say_why(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(BadRecording, match=word):
        load(write(tmp_path, text), "BTC-USD")


def test_a_broken_gzip_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(b"not gzip at all")
    with pytest.raises(BadRecording):
        load(path, "BTC-USD")


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("coinbase_BTC-USD_1m.csv.gz", "BTC-USD"), ("doge-usd.csv", "DOGE-USD"), ("ETH_EUR.csv", "ETH-EUR"),
        ("candles.csv", "AAA-BBB"), ("eth-btc_5m.csv", "ETH-BTC"),
    ],
)  # fmt: skip
def test_products_are_read_from_names(name: str, product: str) -> None:
    assert product_in_name(Path(name), "AAA-BBB") == product


def test_several_recordings_share_a_clock_and_end_each_for_itself(tmp_path: Path) -> None:
    one, other = rows(200), rows(260)
    files = [write(tmp_path, csv_text(one), "a_ETH-USD.csv"), write(tmp_path, csv_text(other[20:]), "b_SOL-USD.csv")]
    settings = Settings(coin_mode=Mode.REPLAY, sim_replay=",".join(map(str, files)), data_dir=tmp_path)
    assert open_session(settings) is None
    store = Store(None)
    tape = make_tape(settings, store, CLOCK * MINUTE_US)
    assert [product.product_id for product in tape.products] == ["ETH-USD", "SOL-USD"]
    # What both hold is the minutes 20 to 199: a third of it is history.
    at = {minute - one[0][0]: bar for minute, bar in other}
    at |= dict.fromkeys(range(20))
    again = make_tape(settings, store, (CLOCK + 7) * MINUTE_US)
    for played in (tape, again):
        now = next(m for m in range(300) if played.bar("SOL-USD", CLOCK * 60, 60) == at[m])
        assert 80 <= now < 85
        assert played.bar("ETH-USD", CLOCK * 60, 60) == dict(one)[one[0][0] + now]
    exchange = LocalExchange(tape=tape, start_us=CLOCK * MINUTE_US)
    exchange.advance((CLOCK + 150) * MINUTE_US)
    gates = {name: market.gate.cancel_only for name, market in exchange.exchange.venue.markets.items()}
    assert gates == {"ETH-USD": True, "SOL-USD": False}


@pytest.mark.parametrize(
    ("names", "shift", "words"),
    [
        (("a_ETH-USD.csv", "b_ETH-USD.csv"), 0, "a different product"),
        (("a_ETH-USD.csv", "b_SOL-USD.csv"), 10_000, "no time in common"),
        (("a_ETH-USD.csv", "missing.csv"), 0, "missing.csv"),
        (("a_ETH-USD.csv", "b_SOL-USD.jsonl"), 0, "alone"),
    ],
)
def test_recordings_that_cannot_be_played_together(
    tmp_path: Path, names: tuple[str, str], shift: int, words: str
) -> None:
    for i, name in enumerate(names):
        if name != "missing.csv":
            write(tmp_path, csv_text([(minute + i * shift, bar) for minute, bar in rows(50)]), name)
    paths = ",".join(str(tmp_path / name) for name in names)
    settings = Settings(coin_mode=Mode.REPLAY, sim_replay=paths, data_dir=tmp_path)
    with pytest.raises(BadSetup, match=words):
        assert open_session(settings) is None
        make_tape(settings, Store(None), CLOCK * MINUTE_US)
