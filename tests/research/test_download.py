"""Candles from a running exchange: paged, resumed, gaps left, the open bar left out."""

import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from research.data import store
from research.data.download import PAGE, DownloadClient, Wanted, download
from research.errors import ResearchError
from tests.simulator.conftest import Sim


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sim, None, None]:
    found = Sim(tmp_path_factory.mktemp("sim")).start()
    yield found
    found.stop()


def client(sim: Sim) -> DownloadClient:
    return DownloadClient(f"https://{sim.host}", Path(sim.ca))


def test_pages_and_goes_on(sim: Sim, tmp_path: Path) -> None:
    now = int(time.time())
    begin = now // 3600 * 3600 - 48 * 3600
    first, added = download(tmp_path, "mine", Wanted("BTC-USD", 60, begin, begin + 20 * 3600), client(sim))
    assert added == len(first) > 3 * PAGE
    assert first.start_s[0] >= begin and first.start_s[-1] == begin + 20 * 3600 - 60
    assert (first.price_increment, first.base_increment) == ("0.01", "0.00000001")
    seen: list[tuple[int, int]] = []
    whole, more = download(
        tmp_path, "mine", Wanted("BTC-USD", 60, begin - 10 * 3600), client(sim), lambda *at: seen.append(at)
    )
    assert more == len(whole) - len(first) > 0 and seen[-1][0] == seen[-1][1]
    assert int(whole.start_s[0]) < begin and now - 120 - 60 <= int(whole.start_s[-1]) <= int(time.time()) - 60
    assert (np.diff(whole.start_s) > 0).all()
    part = whole.between(int(first.start_s[0]), int(first.start_s[-1]) + 60)
    for column in store.COLUMNS:
        assert np.array_equal(getattr(part, column), getattr(first, column)), column
    # What one request for the same bars says, unpaged.
    rows = client(sim).page(Wanted("BTC-USD", 60, 0), begin, PAGE)
    again = whole.between(begin, begin + PAGE * 60)
    assert sorted(row[0] for row in rows) == again.start_s.tolist()
    assert [row[4] for row in sorted(rows)] == again.close.tolist()


def test_an_interrupted_download_leaves_one_piece(sim: Sim, tmp_path: Path) -> None:
    begin = int(time.time()) // 3600 * 3600 - 30 * 3600
    wanted = Wanted("ETH-USD", 60, begin, begin + 24 * 3600)

    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(tmp_path, "mine", wanted, client(sim), stop)
    kept = store.load(store.find(tmp_path, "mine"))
    assert 0 < len(kept) < 24 * 60 and int(kept.start_s[0]) == begin
    whole, added = download(tmp_path, "mine", wanted, client(sim))
    straight, _ = download(tmp_path, "other", wanted, client(sim))
    assert whole.digest == straight.digest and added == len(whole) - len(kept)


def test_other_lengths(sim: Sim, tmp_path: Path) -> None:
    begin = int(time.time()) // 86_400 * 86_400 - 20 * 86_400
    candles, _ = download(tmp_path, "days", Wanted("BTC-USD", 21_600, begin), client(sim))
    assert (candles.start_s % 21_600 == 0).all() and 70 < len(candles) < 90


def test_refused_in_words(sim: Sim, tmp_path: Path) -> None:
    now = int(time.time())
    with pytest.raises(ResearchError, match="NOPE-USD"):
        download(tmp_path, "x", Wanted("NOPE-USD", 60, now - 7200), client(sim))
    with pytest.raises(ResearchError, match="no bars of 90s"):
        download(tmp_path, "x", Wanted("BTC-USD", 90, now - 7200), client(sim))
    download(tmp_path, "taken", Wanted("BTC-USD", 60, now - 7200), client(sim))
    with pytest.raises(ResearchError, match="another --name"):
        download(tmp_path, "taken", Wanted("ETH-USD", 60, now - 7200), client(sim))
    with pytest.raises(ResearchError, match="https"):
        DownloadClient("http://127.0.0.1:1")
