"""A watch that dies at any commit or delivery loses no message, and sends twice at most the one that was under way."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.watch.receiver import Receiver


def run(folder: Path, url: str, crash: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.watch.crashing", str(folder), url, str(crash)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def told(receiver: Receiver) -> list[tuple[int, str, str]]:
    return [(m["number"], m["kind"], m["name"]) for m in receiver.messages()]


@pytest.mark.slow
def test_a_crash_before_or_after_a_commit_or_a_delivery_loses_nothing(tmp_path: Path) -> None:
    whole = Receiver()
    (tmp_path / "whole").mkdir()
    done = run(tmp_path / "whole", whole.url, 0)
    assert done.returncode == 0, done.stderr
    places, expected = int(done.stdout), told(whole)
    kinds = Counter((kind, name) for _, kind, name in expected)
    assert kinds == {("fired", f"cause.{n}"): 1 for n in "ac"} | {("resolved", f"cause.{n}"): 1 for n in "ac"} | {
        ("fired", "cause.b"): 2, ("resolved", "cause.b"): 2,
    }  # fmt: skip
    assert places > 30, "the places are counted"
    whole.close()
    # Every third place: a message passes four of them, so all kinds of place are met, each at several messages.
    for crash in range(1, places + 1, 3):
        receiver, folder = Receiver(), tmp_path / str(crash)
        folder.mkdir()
        first = run(folder, receiver.url, crash)
        assert first.returncode == 9, (crash, first.returncode, first.stderr)
        again = run(folder, receiver.url, 0)
        assert again.returncode == 0, (crash, again.stderr)
        got = told(receiver)
        assert sorted(set(got)) == sorted(expected), crash
        posts = [tuple(m["number"] for m in one.json["messages"]) for one in receiver.got]
        assert len(posts) - len(set(posts)) <= 1, (crash, posts)
        receiver.close()
