"""Planted cheats are caught: a look into the future by whatever way, more memory than declared, chance. Honest
strategies pass."""

from dataclasses import replace
from pathlib import Path
from textwrap import indent

import numpy as np
import pytest

from research import check, leaks
from research.check import StrategyCheck
from research.data import store
from research.data.candles import CandleSet
from research.errors import ResearchError
from research.sealed import guard
from tests.research.paths import path, settings
from tests.strategies.models import saved

CANDLES = path(np.random.default_rng(4), 1500)
FUTURE, WINDOW, SAME, FILES = (
    "no look-ahead bias", "the bot's window is long enough", "deterministic", "uses only its bars"
)  # fmt: skip

FRAME = """
import gc
import os
import numpy as np
from bot.strategies.base import Bars, SignalArrays, Strategy
from bot.strategies.indicators import sma

{top}


def later(close):
    return np.append(close[1:], close[-1])


class Planted(Strategy):
    @property
    def warmup_bars(self):
        return 20

    @property
    def memory_bars(self):
        return 20

    def compute(self, bars):
        close = bars.close
{body}
        return SignalArrays(np.asarray(up).astype(np.int8), np.full(len(bars), np.nan))
"""
HONEST = "up = close > sma(close, 20)"
# Around one bar in a hundred: twenty random bars hardly meet it.
RARE = "up = (sma(close, 20) / close > 1.045)"


def checked(tmp_path: Path, body: str, top: str = "", candles: CandleSet = CANDLES, **keys: str) -> list[StrategyCheck]:
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "planted.py").write_text(FRAME.format(top=top, body=indent(body, "        ")))
    asked = settings(STRATEGY="planted", DATA_DIR=str(tmp_path / "data"), **keys)
    return check.check(asked, candles, 20, root=tmp_path)


def failed(tmp_path: Path, body: str, top: str = "", candles: CandleSet = CANDLES) -> list[str]:
    return [v.name for v in checked(tmp_path, body, top, candles) if not v.passed]


def test_an_honest_one_passes_and_its_buys_are_counted(tmp_path: Path) -> None:
    verdicts = checked(tmp_path, HONEST)
    assert [v.said for v in verdicts if not v.passed] == []
    close = CANDLES.close
    mean = np.convolve(close, np.ones(20) / 20, "valid")
    buys = int((close[19:] > mean).sum())
    assert f" of its {buys:,} BUYs" in verdicts[0].said and all(v.mark == "✓" for v in verdicts)


CHEATS = {
    "tomorrow's close": ("up = np.roll(close, -1) > close", ""),
    "the mean of all of history": ("up = close > close.mean()", ""),
    "a cache in the module": (
        "if len(close) > len(SEEN.get('close', ())):\n    SEEN['close'] = close.copy()\n"
        "known = SEEN['close']\nup = np.append(known[1:], known[-1])[: len(close)] > close",
        "SEEN = {}",
    ),
    "a larger array behind a view": (
        "whole = close if close.base is None else close.base\n"
        "up = np.append(whole[1:], whole[-1])[: len(close)] > close if isinstance(whole, np.ndarray) else close > 0",
        "",
    ),
    "a counter that is honest when it is watched": (
        "global CALLS\nCALLS += 1\nup = later(close) > close if CALLS == 1 else close > sma(close, 20)", "CALLS = 0",
    ),
    "a longer array anywhere in memory": (
        "arrays = [a for a in gc.get_objects() if isinstance(a, Bars)] + [bars]\n"
        "whole = max((b.close for b in arrays), key=len)\n"
        "up = np.append(whole[1:], whole[-1])[: len(close)] > close", "",
    ),
    "a rare signal that knows tomorrow": (RARE + " & (later(close) > close)", ""),
    "a rare signal that is kept back where it loses": (
        "up = (sma(close, 20) / close > 1.045)\nup[:-1] &= close[1:] > close[:-1]", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHEATS)
def test_a_look_into_the_future_is_caught(tmp_path: Path, name: str) -> None:
    body, top = CHEATS[name]
    assert {FUTURE, WINDOW} & set(failed(tmp_path, body, top))


BUCKETS = """\
bucket = bars.start_s // (15 * bars.granularity_s)
last = np.searchsorted(bucket, bucket, side="right") - 1
up = close[last] > sma(close, 20)"""
NAMED = {
    "as shift(-1) does": "up = later(close) > close",
    "as shift(-3) does": "up = np.append(close[3:], close[-3:]) > close",
    "as scaling or ranking by the full sample does": "up = (close - close.mean()) / close.std() > 0.5",
    "7 bars ahead, as a centred window": (
        "up = close > np.convolve(np.pad(close, 7, mode='edge'), np.ones(15) / 15, 'valid')"
    ),
    "reads bars of 15 min before they are closed": BUCKETS,
    "4 bars ahead, as a centred window or a label not yet resolved": (
        "ahead = np.lib.stride_tricks.sliding_window_view(np.append(close, [close[-1]] * 4), 5)\n"
        "up = ahead.max(axis=1) > close * 1.01"
    ),
}


@pytest.mark.parametrize("words", NAMED)
def test_a_planted_leak_is_named(tmp_path: Path, words: str) -> None:
    verdicts = checked(tmp_path, NAMED[words])
    (found,) = [one for one in verdicts if one.name == FUTURE]
    assert not found.passed and words in found.said


def test_honest_signals_have_no_kind() -> None:
    bars = CANDLES.bars()
    close = bars.close
    plain = {"signal": (close > np.convolve(close, np.ones(20) / 20)[: len(close)]).astype(np.int8)}
    for at in leaks.probe_places(len(bars), 20, 1):
        other = leaks.changed(bars, at, 5.0).close
        after = {"signal": (other > np.convolve(other, np.ones(20) / 20)[: len(other)]).astype(np.int8)}
        assert leaks.moved_before(plain, after, at) == set()
    assert leaks.named_kind([leaks.LeakProbe(9, ())], bars) is None


def test_the_rare_ones_are_rare(tmp_path: Path) -> None:
    """What the case above rests on: twenty random bars would not meet them."""
    verdicts = checked(tmp_path, RARE)
    buys = int(verdicts[0].said.split(" of its ")[1].split(" BUY")[0])
    assert all(v.passed for v in verdicts) and 3 <= buys <= 40


READERS = {
    "opened": "open(PATH, 'rb').read()",
    "by numpy": "np.fromfile(PATH, dtype=np.uint8)",
    "by another library": "__import__('pyarrow.parquet').parquet.read_table(PATH)",
    "by another process": "__import__('subprocess').run(['cat', PATH], capture_output=True, check=True)",
}


@pytest.mark.parametrize("way", READERS)
def test_reading_the_candles_beside_is_caught(tmp_path: Path, way: str) -> None:
    """Every error is swallowed: it falls back to an honest rule where it can't read."""
    target = store.save(tmp_path / "data", "mine", CANDLES)
    top = f"PATH = {str(target)!r}\nTABLE = {CANDLES.close.tolist()!r}"
    body = (
        f"try:\n    {READERS[way]}\n    whole = np.array(TABLE)\n"
        "    up = np.append(whole[1:], whole[-1])[: len(close)] > close\nexcept Exception:\n"
        f"    {HONEST}"
    )
    found = {v.name: v for v in checked(tmp_path, body, top)}
    assert not found[FILES].passed
    if way in ("opened", "by numpy"):
        assert f"it read {target}" in found[FILES].said


def test_a_file_that_is_read_at_the_import_is_caught(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("x")
    verdicts = checked(tmp_path, HONEST, f"TEXT = open({str(target)!r}).read()")
    assert [v.name for v in verdicts if not v.passed] == [FILES]


@pytest.mark.parametrize(
    "body",
    ["up = close > sma(close, 50)", "up = np.arange(len(bars)) % 7 == 0"],  # more bars than said; counts from the first
)
def test_a_warm_up_that_is_too_short_is_caught(tmp_path: Path, body: str) -> None:
    assert failed(tmp_path, body) == [WINDOW]


def test_chance_is_caught(tmp_path: Path) -> None:
    assert SAME in failed(tmp_path, "up = np.random.default_rng().random(len(bars)) < 0.5")


def test_no_buy_is_no_green_sign(tmp_path: Path) -> None:
    first = checked(tmp_path, "up = np.zeros(len(bars))")[0]
    assert first.passed and first.mark == "·" and "none was tested" in first.said


@pytest.mark.parametrize(("body", "words"), [("os._exit(5)", "ended its process"), ("up = 1 / 0", "ZeroDivisionError")])
def test_one_that_fails_is_one_line(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(ResearchError, match=words):
        checked(tmp_path, body)


@pytest.mark.parametrize("name", ["sma_cross", "momentum", "rsi_reversion"])
def test_the_built_in_ones_pass(name: str) -> None:
    s = settings(STRATEGY=name, MAX_HISTORY_CANDLES="300")
    verdicts = check.check(s, CANDLES, 10, buys=20)
    assert [v.said for v in verdicts if not v.passed] == []


def test_a_trained_model_passes_with_its_files_read_before_anything_is_shut(tmp_path: Path) -> None:
    saved(tmp_path / "models", CANDLES.bars(), "logistic", granularity_s=60)
    s = settings(STRATEGY="learned", GRANULARITY="ONE_MINUTE", PRODUCTS="BTC-USD", DATA_DIR=str(tmp_path))
    verdicts = check.check(s, CANDLES, 10, buys=20)
    assert [v.said for v in verdicts if not v.passed] == []
    assert verdicts[0].mark == "✓", "it has bought"


def test_too_few_bars_are_said(tmp_path: Path) -> None:
    with pytest.raises(ResearchError, match="too few"):
        checked(tmp_path, HONEST, candles=CANDLES.rows(0, 30))


def test_the_guard_lets_code_be_imported_and_nothing_written(tmp_path: Path) -> None:
    offences: list[str] = []
    hook = guard.guard([str(tmp_path / "code")], [str(tmp_path / "code" / "data")], offences)
    hook("open", (str(tmp_path / "code" / "a.py"), "r", 0))
    hook("open", (np.__file__, "r", 0))
    hook("open", (3, "r", 0))
    for refused in (("code/a.csv", 0), ("code/data/a.py", 0), ("code/a.py", 1), ("else/a.py", 0)):
        with pytest.raises(PermissionError):
            hook("open", (str(tmp_path / refused[0]), "r", refused[1]))
    with pytest.raises(PermissionError):
        hook("socket.connect", (None, ("127.0.0.1", 1)))
    assert len(offences) == 5


def beside(count: int = 2) -> list[CandleSet]:
    """Other products of the same time."""
    names = ("ETH-USD", "SOL-USD", "ADA-USD")[:count]
    return [path(np.random.default_rng(20 + i), 1500, name) for i, name in enumerate(names)]


COMPARING = """    needs_peers = True

    def compute(self, bars):
        other = bars.peers["ETH-USD"]
        {at}
        theirs = np.where(at >= 0, other.close[np.maximum(at, 0)], np.nan)
        up = theirs > {measure}
        return SignalArrays(up.astype(np.int8), np.full(len(bars), np.nan))
"""
KNOWN = 'at = np.searchsorted(other.start_s, bars.start_s, side="right") - 1'
NEXT = 'at = np.minimum(np.searchsorted(other.start_s, bars.start_s, side="right"), len(other) - 1)'
BEFORE, MEAN = "np.concatenate([theirs[:1], theirs[:-1]])", "np.nanmean(theirs)"


@pytest.mark.parametrize(
    ("at", "measure", "wrong"),
    [(KNOWN, BEFORE, []), (NEXT, BEFORE, [FUTURE, WINDOW]), (KNOWN, MEAN, [FUTURE, WINDOW])],
)
def test_one_that_compares_products_is_shown_the_others_as_far_as_they_are_known(
    tmp_path: Path, at: str, measure: str, wrong: list[str]
) -> None:
    (tmp_path / "strategies").mkdir()
    head = FRAME.format(top="", body="").partition("    def compute")[0]
    (tmp_path / "strategies" / "planted.py").write_text(head + COMPARING.format(at=at, measure=measure))
    asked = settings(STRATEGY="planted", DATA_DIR=str(tmp_path / "data"), PRODUCTS="BTC-USD,ETH-USD,SOL-USD")
    found = check.check(asked, CANDLES, 20, peers=beside(), root=tmp_path)
    assert [one.name for one in found if not one.passed] == wrong, [one.said for one in found]
    with pytest.raises(ResearchError, match="compares products: give --data once for each"):
        check.check(asked, CANDLES, 20, root=tmp_path)


def test_the_built_in_one_that_compares_is_checked_beside_others() -> None:
    hours = [replace(one, granularity_s=3600, start_s=3600 * (one.start_s // 60), digest="") for one in
             (CANDLES, *beside())]  # fmt: skip
    asked = settings(STRATEGY="relative", GRANULARITY="ONE_HOUR", PRODUCTS="BTC-USD,ETH-USD,SOL-USD",
                     STRATEGY_RELATIVE_VOL_DAYS="5", STRATEGY_RELATIVE_LONG_DAYS="10", STRATEGY_RELATIVE_MID_DAYS="5",
                     STRATEGY_RELATIVE_SHORT_DAYS="2", STRATEGY_RELATIVE_EVERY_DAYS="2",
                     MAX_HISTORY_CANDLES="2000")  # fmt: skip
    found = check.check(asked, hours[0], 5, buys=10, peers=hours[1:])
    assert all(one.mark == "✓" for one in found), found
