"""The incident bundle of a real run: everything is in it, no secret is, and what is broken stops nothing."""

import json
import os
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from incident import bundle
from incident.bundle import forget_older, loaded_anyway, make
from incident.scrub import scrub
from incident.sources import Part
from incident.span import read_span
from incident.timeline import moments
from tests.e2e.system import ROOT, System

CANARY = "c4n4ry-5ecret-V4lue-0123456789"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A data folder in which a bot traded, was killed by kill -9, traded again and was latched by a kill."""
    made = System(tmp_path_factory.mktemp("incident"))
    made.sim()
    bot = made.bot()
    made.trades()
    bot.kill()
    bot.wait(5)
    made.bot()
    made.until(lambda s: s["pid"] != bot.pid and s["status"] == "running", why="a second run")
    (made.folder / "KILL").touch(mode=0o600)
    made.until(lambda s: s["status"] == "killed", why="killed")
    yield made
    made.close()


def run(system: System, *arguments: str, **extra: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "incident", *arguments]
    env = system.env | {"COIN_CWD": str(ROOT)} | extra
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout or "{}")


def read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_what_happened_within_ten_seconds(ran: System, tmp_path: Path) -> None:
    out, began_s = tmp_path / "it.zip", time.monotonic()
    code, told = run(ran, "--since", "1h", "--reason", "the bot was killed", "--out", str(out))
    took_s = time.monotonic() - began_s
    assert code == 0 and took_s < 10 * float(os.environ.get("COIN_SLOW", "2"))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.stat().st_size == told["bytes"]
    files = read(out)
    for name in (
        "timeline.html", "contents.json", "documents/bot_state.json", "documents/positions.json", "settings.json",
        "versions.json", "machine.json", "ledger/activity_log.jsonl", "ledger/events.jsonl", "logs/COIN-BOT.log",
    ):  # fmt: skip
        assert files[name].strip(), name
    assert "ledger/orders.jsonl" in files
    checked = files.get("doctor.json") or str(told["not_there"]).encode()
    assert b'"mark"' in checked or b"timed out" in checked, "a busy machine's checks are ended, and that is said"
    assert json.loads(files["documents/bot_state.json"])["status"] == "killed"
    boots = [json.loads(line) for line in files["ledger/boots.jsonl"].splitlines()]
    assert len(boots) == 2
    latches = [json.loads(line) for line in files["ledger/latches.jsonl"].splitlines()]
    assert [latch["kind"] for latch in latches] == ["kill"]
    page = files["timeline.html"].decode()
    assert "the bot was killed" in page and "kill latched by" in page and page.count("started, build") == 2
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    listed = json.loads(files["contents.json"])
    assert {one["name"] for one in listed["files"]} | {"contents.json"} == set(files)


def test_a_planted_secret_is_in_none_of_twelve_sinks(ran: System, tmp_path: Path) -> None:
    """Planted as a key, a password, a webhook, a token and a bearer in every place that a bundle reads."""
    folder = ran.folder
    pem = f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}{CANARY}\n{CANARY[::-1]}{CANARY}\n-----END EC PRIVATE KEY-----\n"
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"name": f"organizations/{CANARY}/apiKeys/1", "privateKey": pem}))
    key.chmod(0o600)
    for name in ("COIN-BOT.log", "COIN.log", "COIN-SIM.log", "hang.txt"):
        with (folder / "logs" / name).open("a") as log:
            log.write(f"2099-01-01T00:00:00.000Z ERROR   rest refused {CANARY}: {json.dumps(pem)}\n{pem}\n")
    (folder / "logs" / "pm2").mkdir(exist_ok=True)
    (folder / "logs" / "pm2" / "COIN-BOT.out.log").write_text(f"Authorization: Bearer {CANARY}\n")
    (folder / "logs" / "pm2" / "COIN-BOT.err.log").write_text(f"postgresql://user:{CANARY}@127.0.0.1/x\n")
    with (folder / "audit.jsonl").open("a") as audit:
        audit.write(json.dumps({"at": "2099-01-01T00:00:00Z", "why": CANARY}) + "\n")
    (folder / "market.json").write_text(json.dumps({"note": CANARY}))
    (folder / "alerts.json").write_text(json.dumps({"sinks": [f"https://hooks.slack.com/services/T1/B2/{CANARY}"]}))
    (folder / "live_permission.json").write_text(json.dumps({"key": CANARY}))
    (folder / "dashboard").mkdir(mode=0o700, exist_ok=True)
    (folder / "dashboard" / "secrets.json").write_text(json.dumps({"session": CANARY}))
    out = tmp_path / "it.zip"
    code, _ = run(
        ran, "--out", str(out), "--reason", f"asked with {CANARY}",
        COINBASE_KEY_FILE=str(key), STRATEGY_ALWAYS_NOTE=CANARY,
    )  # fmt: skip
    assert code == 0
    raw, files = out.read_bytes(), read(out)
    assert CANARY.encode() not in raw
    holding = [name for name, data in files.items() if CANARY.encode() in data or CANARY[::-1].encode() in data]
    assert holding == []
    assert b"[removed]" in files["logs/COIN-BOT.log"] and b"[removed]" in files["audit.jsonl"], "it was there"


def test_settings_that_do_not_hold_and_a_damaged_ledger_stop_nothing(ran: System, tmp_path: Path) -> None:
    ledger, broken = ran.folder / "ledger.db", tmp_path / "broken"
    broken.mkdir(mode=0o700)
    for name in ("bot_state.json", "positions.json"):
        (broken / name).write_bytes((ran.folder / name).read_bytes())
    (broken / "ledger.db").write_bytes(b"not a database" + ledger.read_bytes()[:50_000])
    (broken / "logs").mkdir()
    out = tmp_path / "it.zip"
    code, told = run(ran, "--out", str(out), DATA_DIR=str(broken), STOP_LOSS_PCT="nonsense")
    assert code == 0
    failed = told["not_there"]
    assert isinstance(failed, dict) and "ledger" in failed
    files = read(out)
    assert json.loads(files["contents.json"])["not_there"] == failed
    assert "Not in this bundle" in files["timeline.html"].decode()
    assert files["documents/bot_state.json"]


def test_it_fits_into_its_size_by_leaving_out_the_oldest(
    ran: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ran.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("incident.sources.DOCTOR_S", 0.01)
    noise = ran.folder / "logs" / "COIN-SIM.log"
    stamp = "2099-01-01T00:00:00.000Z INFO    noise"
    with noise.open("a") as log:
        log.writelines(f"{stamp} {os.urandom(48).hex()} {number}\n" for number in range(20_000))
    most = 400_000
    made = make(loaded_anyway(), timedelta(hours=1), "too large", datetime.now(UTC), tmp_path / "it.zip", most)
    assert made.size == (tmp_path / "it.zip").stat().st_size <= most
    files = read(tmp_path / "it.zip")
    assert files["logs/COIN-SIM.log"].rstrip().endswith(b"19999"), "the newest lines stay"
    cut = {one["name"] for one in json.loads(files["contents.json"])["files"] if one["older_part_left_out"]}
    assert "logs/COIN-SIM.log" in cut and "documents/bot_state.json" not in cut
    assert "doctor" in made.failed


def test_only_what_is_new_enough_is_in_it(ran: System, tmp_path: Path) -> None:
    out = tmp_path / "it.zip"
    log = ran.folder / "logs" / "COIN-BOT.log"
    old = b"2020-01-01T00:00:00.000Z ERROR   bot long ago\n"
    log.write_bytes(old + log.read_bytes())
    assert run(ran, "--since", "1h", "--out", str(out))[0] == 0
    assert b"long ago" not in read(out)["logs/COIN-BOT.log"]
    assert b"long ago" not in read(out)["timeline.html"]


def test_of_those_made_by_themselves_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(30):
        path = tmp_path / f"incident-{number:02d}.zip"
        path.touch()
        os.utime(path, (number, number))
    (tmp_path / "mine.zip").touch()
    forget_older(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [*(f"incident-{number:02d}.zip" for number in range(30 - bundle.KEPT, 30)), "mine.zip"]


@pytest.mark.parametrize("text", ["", "2", "h", "0h", "-1h", "1y", "99999d", "2h30m"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ValueError, match="span of time"):
        read_span(text)


def test_spans() -> None:
    assert [read_span(text).total_seconds() for text in ("90m", "2h", " 3D ")] == [5400, 7200, 259_200]


@pytest.mark.parametrize(
    "text",
    [
        "token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJlMTIz end",
        "xoxb-123456789012-abcdefghijkl",
        "https://api.telegram.org/bot123456789:AAabcdefghijklmnopqrstuvwxyz012345/sendMessage",
        "redis://:s3cretword@127.0.0.1:6379/0 and postgresql://me:s3cretword@host/db",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_though_nobody_knows_it(text: str) -> None:
    left = scrub(text.encode(), ())
    assert b"[removed]" in left
    for part in (b"c2lnbmF0dXJlMTIz", b"abcdefghijkl", b"s3cretword@host"):
        assert part not in left


def test_a_row_that_cannot_be_read_costs_no_other() -> None:
    log = b"garbage\n2026-13-45T00:00:00Z ERROR x y\n2026-01-01T00:00:00Z ERROR   x y\n"
    rows = b'{"at_ms": 5, "level": "info", "text": "a"}\n{broken\n[]\n'
    parts = [Part("ledger/activity_log.jsonl", rows), Part("logs/COIN.log", log)]
    assert [one.text for one in moments(parts)] == ["a", "x y"]
