"""The tape's file: whole after an orderly end, readable up to the newest flush after a crash, bounded, rotated."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tape import SUFFIX, TapeWriter, days, read_day

DAY = "2026-11-20"


def lines(first: int, count: int) -> list[dict[str, object]]:
    return [
        {"t": i, "price": ["BTC-USD", f"{90_000 + i * 7 % 1000}.25", None, None, 1]}
        for i in range(first, first + count)
    ]


def times(folder: Path, day: str = DAY) -> list[int]:
    return [line["t"] for line in read_day(folder, day)]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    for run in range(3):
        writer = TapeWriter(folder)
        assert writer.append(DAY, lines(run * 100, 60)) and writer.append(DAY, lines(run * 100 + 60, 40))
        writer.close()
    assert list(read_day(folder, DAY)) == lines(0, 300)
    path = folder / f"{DAY}{SUFFIX}"
    assert path.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 300, "any gzip reads it"


def test_what_was_flushed_outlives_a_crash(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path)
    writer.append(DAY, lines(0, 50))  # no close: the process is gone
    other = TapeWriter(tmp_path)
    other.append(DAY, lines(50, 50))
    assert times(tmp_path) == list(range(100))


@settings(max_examples=60, deadline=None)
@given(torn=st.integers(0, 4000), after=st.booleans())
def test_a_tear_anywhere_loses_only_what_follows_it_in_its_run(
    tmp_path_factory: pytest.TempPathFactory, torn: int, after: bool
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    writer = TapeWriter(folder)
    for part in range(5):
        writer.append(DAY, lines(part * 40, 40))
    path = folder / f"{DAY}{SUFFIX}"
    data = path.read_bytes()
    path.write_bytes(data[: min(torn, len(data))])
    if after:
        TapeWriter(folder).append(DAY, lines(1000, 30))
    found = times(folder)
    ours = [t for t in found if t < 1000]
    assert ours == list(range(len(ours))), "a prefix, in order"
    assert [t for t in found if t >= 1000] == (list(range(1000, 1030)) if after else [])
    if torn >= len(data):
        assert len(ours) == 200


def test_the_day_turns_and_old_ones_go(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path, keep_days=3)
    for number in range(1, 7):
        writer.append(f"2026-11-{number:02d}", lines(number, 1))
    assert days(tmp_path) == ["2026-11-04", "2026-11-05", "2026-11-06"]
    assert times(tmp_path, "2026-11-05") == [5]


def test_a_full_day_takes_no_more(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path, max_day_bytes=2000)
    taken = [writer.append(DAY, lines(i * 50, 50)) for i in range(40)]
    assert taken[0] and not taken[-1] and taken == sorted(taken, reverse=True)
    writer.close()
    assert times(tmp_path) == list(range(sum(taken) * 50))
    assert (tmp_path / f"{DAY}{SUFFIX}").stat().st_size < 2600


def test_a_disk_that_fails_once_tears_one_run_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TapeWriter(tmp_path)
    writer.append(DAY, lines(0, 50))
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError):
            writer.append(DAY, lines(50, 50))
    assert os.write is real
    assert writer.append(DAY, lines(100, 50))
    assert times(tmp_path) == [*range(50), *range(100, 150)]
