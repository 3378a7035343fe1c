"""What is logged cannot forge a line, and what the command line imports stays light."""

import json
import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard import logs
from shared.logs import JsonFormatter, LineFormatter
from shared.settings import Secret
from shared.times import parse_time
from tests.conftest import ROOT

ESCAPES = ["\n", "\r", "\r\n", "\x1b[31m", "\x1b]0;title\x07", "\x00", "\x07", "\x08", "\x0b", "\x0c", "\x7f", "\x85",
           "\x9b", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f"]  # fmt: skip
FORGED = ["2026-11-20T00:00:00.000Z ERROR dashboard forged", "x\n2026-11-20T00:00:00.000Z INFO root forged", "%s%d%n"]


@pytest.mark.parametrize(
    "payload", [f"a{e}b" for e in ESCAPES] + [e * 3 + f for e in ESCAPES for f in FORGED[:1]] + FORGED
)
def test_one_record_is_one_line(payload: str) -> None:
    record = logging.LogRecord("dashboard", logging.INFO, "x", 1, "user=%s", (payload,), None)
    line = LineFormatter().format(record)
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    assert line.count("user=") == 1


@pytest.mark.parametrize("payload", [f"a{e}b" for e in ESCAPES] + FORGED + ['"} {"level": "ERROR"'])
def test_one_record_is_one_json_object_that_says_the_same(payload: str) -> None:
    try:
        raise ValueError(f"first{payload}second")
    except ValueError:
        record = logging.LogRecord("dashboard", logging.INFO, "x", 1, "user=%s", (payload,), sys.exc_info())
    line = JsonFormatter("COIN").format(record)
    assert line.isprintable() and line.isascii() and len(line.splitlines()) == 1
    found = json.loads(line)
    assert (found["level"], found["process"], found["logger"]) == ("INFO", "COIN", "dashboard")
    assert found["message"] == f"user={payload}" and "".join(found["error"]).count("ValueError") == 2
    assert parse_time(found["time"]).timestamp() == pytest.approx(record.created, abs=0.001)


def test_json_is_for_stdout_and_the_file_stays_readable(tmp_path: Path) -> None:
    code = (
        "import logging, sys; from pathlib import Path; from shared import logs; "
        f"logs.set_up(Path({str(tmp_path)!r}), 'COIN-X', 'INFO', 'json'); logging.getLogger('a').info('x=%s', 'y z')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["message"] == "x=y z" and json.loads(done.stdout)["process"] == "COIN-X"
    assert (tmp_path / "COIN-X.log").read_text().endswith(" INFO    a x=y z\n")


def test_a_secret_is_hidden_in_json_as_in_text() -> None:
    record = logging.LogRecord(
        "a", logging.INFO, "x", 1, "token=%s %r", (Secret("canary-77"), Secret("canary-77")), None
    )
    for formatter in (JsonFormatter("COIN"), LineFormatter()):
        assert "canary" not in formatter.format(record)


@pytest.mark.parametrize("payload", FORGED + ESCAPES)
def test_a_traceback_s_lines_are_indented_and_none_begins_a_record(payload: str) -> None:
    try:
        raise ValueError(f"first{payload}second")
    except ValueError:
        record = logging.LogRecord("d", logging.ERROR, "x", 1, "failed", (), sys.exc_info())
    first, *rest = LineFormatter().format(record).splitlines()
    assert first.endswith("failed") and rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_every_log_file_is_private_also_after_it_was_turned_over(tmp_path: Path) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.start(tmp_path, "INFO")
        file = next(h for h in root.handlers if isinstance(h, logging.handlers.RotatingFileHandler))
        file.maxBytes = 2000
        for i in range(60):
            logging.getLogger("t").info("line %s of some length", i)
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)
    found = list(tmp_path.iterdir())
    assert len(found) >= 2
    assert {stat.S_IMODE(p.stat().st_mode) for p in found} == {0o600}


def test_the_command_line_can_make_a_link_without_the_web_framework() -> None:
    heavy = "('fastapi', 'uvicorn', 'jinja2', 'sqlalchemy')"
    code = f"import sys, dashboard.links; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
