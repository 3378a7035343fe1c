"""A document is replaced whole, private, and under a temporary name that nobody else has."""

import itertools
import os
from pathlib import Path

import pytest

from shared import files


def test_what_a_killed_writer_left_is_neither_written_to_nor_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_NUMBERS", itertools.count(7))
    target, left = tmp_path / "state.json", tmp_path / f"state.json.{os.getpid()}-7.tmp"
    left.write_bytes(b"half a docu")
    files.write_whole(target, b"{}", durable=False)
    assert target.read_bytes() == b"{}" and left.read_bytes() == b"half a docu"
    assert files.sweep_temporaries(tmp_path, ("state.json",)) == 1
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_NUMBERS", itertools.count(7))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"kept")
    (tmp_path / f"state.json.{os.getpid()}-7.tmp").symlink_to(elsewhere)
    files.write_whole(tmp_path / "state.json", b"{}", durable=True)
    assert elsewhere.read_bytes() == b"kept" and not (tmp_path / "state.json").is_symlink()


def test_a_document_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write_whole(tmp_path / "state.json", b"{}", durable=False)
    finally:
        os.umask(before)
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_document_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "state.json"
    target.write_bytes(b"old")

    def full(_handle: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(target, b"new", durable=True)
    assert target.read_bytes() == b"old" and list(tmp_path.iterdir()) == [target]
