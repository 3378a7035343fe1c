"""One chain whoever writes: edits, gaps, another order and a cut end are found; power loss is survived."""

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import audit_log
from shared.audit_log import AuditLog, append, head_of, tail, verify
from shared.paths import ROOT

OLD = b'{"at":"2026-01-01T00:00:00.000Z","what":"login","by":"operator"}\n'
WRITER = """
import sys
from pathlib import Path
from shared.audit_log import append
for number in range(int(sys.argv[3])):
    append(Path(sys.argv[1]), {"what": "command", "by": sys.argv[2], "n": number}, wait_s=60)
    if number == 0:
        print("on", flush=True)
"""


def made(path: Path, count: int = 5, before: bytes = b"") -> list[bytes]:
    path.write_bytes(before)
    for number in range(count):
        append(path, {"what": "command", "cmd": "pause", "n": number, "text": "line\n\u2028 ü"})
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("before", [b"", OLD, OLD * 3, OLD + b"no json\n", OLD[:-1]])
def test_a_chain_holds_and_lines_from_before_are_named_and_kept(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    made(path, 5, before)
    found = verify(path)
    assert (found.findings, found.notes, found.entries) == ((), (), 5)
    assert found.before == len(before.splitlines()) and path.read_bytes().startswith(before)
    assert found.head == head_of(path) and found.head is not None and found.head.seq == 5
    assert path.stat().st_mode & 0o777 in (0o600, 0o644)


def test_a_new_file_is_0600_and_a_link_is_not_written_through(tmp_path: Path) -> None:
    append(tmp_path / "audit.jsonl", {"what": "x"})
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError):
        append(tmp_path / "link", {"what": "x"})
    assert not (tmp_path / "target").exists()


@given(data=st.data(), before=st.sampled_from([b"", OLD]))
def test_whatever_is_changed_is_found(data: st.DataObject, before: bytes) -> None:
    """A byte, a line taken out, two lines changed over, a line twice, a line of somebody else's, a cut end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        lines = made(path, 6, before)
        head = str(head_of(path))
        kind = data.draw(
            st.sampled_from(["byte", "out", "swap", "twice", "foreign", "cut", "cut in a line", "rehashed"])
        )
        at = data.draw(st.integers(0, len(lines) - 1))
        if kind == "byte":
            whole = bytearray(b"".join(lines))
            place = data.draw(st.integers(0, len(whole) - 2))
            whole[place] ^= data.draw(st.integers(1, 255))
            changed = bytes(whole)
        elif kind == "out":
            changed = b"".join(lines[:at] + lines[at + 1 :])
        elif kind == "swap":
            other = data.draw(st.integers(0, len(lines) - 1).filter(lambda i: i != at))
            lines[at], lines[other] = lines[other], lines[at]
            changed = b"".join(lines)
        elif kind == "twice":
            changed = b"".join([*lines[: at + 1], lines[at], *lines[at + 1 :]])
        elif kind == "foreign":
            changed = b"".join([*lines[:at], OLD, *lines[at:]])
        elif kind == "cut":
            changed = b"".join(lines[:at])
        elif kind == "cut in a line":
            changed = b"".join(lines)[: -data.draw(st.integers(2, len(lines[-1]) - 1))]
        else:  # the forger knows how a hash is made, but not those behind it
            row = orjson.loads(lines[at])
            row.pop("hash", None)
            row["cmd"] = "forged"
            row.setdefault("seq", 1)
            row.setdefault("prev", "")
            row.setdefault("at", "")
            body = orjson.dumps(row)
            lines[at] = body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'
            changed = b"".join(lines)
        path.write_bytes(changed)
        assert verify(path, head).findings, (kind, at)


def test_a_cut_end_is_a_whole_chain_and_only_the_anchor_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    lines = made(path, 5)
    anchor = str(head_of(path))
    path.write_bytes(b"".join(lines[:3]))
    assert verify(path).whole
    assert verify(path, anchor).findings == (
        "the ledger has recorded entry 5, and the log ends at entry 3: later entries were removed",
    )
    append(path, {"what": "a"})
    append(path, {"what": "b"})
    assert "another one there" in verify(path, anchor).findings[0]
    path.unlink()
    assert "later entries were removed" in verify(path, anchor).findings[0]


@given(left=st.integers(1, 150), before=st.sampled_from([b"", OLD]))
def test_a_line_torn_by_a_power_loss_is_said_and_the_chain_goes_on(left: int, before: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        lines = made(path, 4, before)
        path.write_bytes(b"".join(lines[:-1]) + lines[-1][:left])
        torn = verify(path)
        assert torn.whole and "is torn" in torn.notes[0]
        append(path, {"what": "next"})
        append(path, {"what": "after"})
        found = verify(path)
        assert found.whole and found.entries == 5 and "incomplete line" in found.notes[0]
        rest = path.read_bytes().replace(lines[-1][:left] + b"\n", b"", 1)
        path.write_bytes(rest)
        assert not verify(path).whole, "the rest itself is part of what was"


def test_a_line_whose_end_of_line_was_lost_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(made(path, 3))[:-1])
    append(path, {"what": "next"})
    found = verify(path)
    assert (found.whole, found.notes, found.entries) == (True, (), 4)


def test_lines_longer_than_a_block_and_behind_much_else(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    append(path, {"what": "long", "text": "x" * 200_000})
    append(path, {"what": "short"})
    with path.open("ab") as file:
        file.write(b"y" * 150_000)  # torn
    append(path, {"what": "next"})
    found = verify(path)
    assert found.whole and found.entries == 3 and len(found.notes) == 1


def test_processes_that_append_at_once_and_one_that_is_killed_leave_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(OLD)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen([*command, name, "60"], cwd=ROOT, stdout=subprocess.PIPE) for name in ("page", "shell", "hand")
    ]
    for _ in range(4):
        victim = subprocess.Popen([*command, "victim", "100000"], cwd=ROOT, stdout=subprocess.PIPE)
        assert victim.stdout is not None and victim.stdout.readline() == b"on\n"
        time.sleep(0.02)
        victim.kill()
        victim.wait()
    for writer in writers:
        assert writer.wait(120) == 0
    found = verify(path)
    assert found.whole, found.findings
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()[1:] if line.endswith(b'"}')]
    for name in ("page", "shell", "hand"):
        assert [row["n"] for row in rows if row["by"] == name] == list(range(60))


def test_a_full_disk_leaves_the_chain_as_it_was_and_the_next_line_says_how_many_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, "shell")
    log.write("a", by="me", role="operator", address="")
    before = path.read_bytes()
    real = os.write
    monkeypatch.setattr(audit_log.os, "write", lambda handle, data: real(handle, data[:20]))
    assert log.note("b", by="me", role="operator", address="") is False
    with pytest.raises(OSError) as caught:
        log.write("c", by="me", role="operator", address="")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    monkeypatch.undo()
    assert log.note("d", by="me", role="operator", address="")
    assert tail(path)[0]["missed"] == 2 and tail(path)[0]["what"] == "d"
    assert log.note("e", by="me", role="operator", address="") and "missed" not in tail(path)[0]
    assert verify(path).whole


def test_the_lock_is_waited_for_so_long_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    append(path, {"what": "a"})
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        began = time.monotonic()
        with pytest.raises(OSError, match="another writer"):
            append(path, {"what": "b"}, wait_s=0.1)
        assert 0.1 <= time.monotonic() - began < 2


@pytest.mark.needs("root")
def test_what_root_writes_first_belongs_to_the_folders_user(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    append(folder / "audit.jsonl", {"what": "x"})
    assert (folder / "audit.jsonl").stat().st_uid == 65534


@pytest.mark.needs("root")
def test_root_gives_no_file_away_that_the_folders_user_linked_there(tmp_path: Path) -> None:
    """A second name of a file of root's: where the system allows it, that user would be given the file itself."""
    folder, secret = tmp_path / "data", tmp_path / "secret"
    secret.write_text("root's own\n")
    secret.chmod(0o600)
    folder.mkdir()
    os.link(secret, folder / "audit.jsonl")
    os.chown(folder, 65534, 65534)
    with pytest.raises(OSError, match="second name"):
        append(folder / "audit.jsonl", {"what": "x"})
    assert secret.stat().st_uid == 0 and secret.read_text() == "root's own\n"


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_what_is_no_file_of_its_own_is_not_read_nor_waited_for(tmp_path: Path, kind: str) -> None:
    """Root looks at another user's folder, too: a FIFO has no end, and a link leads wherever that user wants."""
    path = tmp_path / "audit.jsonl"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        made(tmp_path / "elsewhere", 2)
        path.symlink_to(tmp_path / "elsewhere")
    code = "import sys; from pathlib import Path; from shared import audit_log as a; p = Path(sys.argv[1])\n"
    code += "print(a.tail(p))\ntry: print(a.verify(p).entries)\nexcept OSError as e: print('refused')\n"
    code += "try: a.append(p, {})\nexcept OSError as e: print('refused')\n"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stdout.splitlines() == ["[]", "refused", "refused"], done.stderr
