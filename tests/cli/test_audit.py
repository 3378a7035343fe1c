"""What is typed stands in the audit trail, and `./coin audit` shows and checks it."""

import os

import orjson
import pytest

from shared.audit_log import head_of, tail, verify
from shared.ledger.open import open_writer
from shared.ledger.schema import key_values
from shared.paths import DataPaths
from tests.cli.conftest import Coin
from tests.ledger_rows import put


def told(paths: DataPaths) -> list[tuple[str, str, str]]:
    """(what, source, cmd), oldest first."""
    return [(row["what"], row["source"], row.get("cmd", "")) for row in reversed(tail(paths.audit))]


def test_commands_to_the_bot_and_to_the_folder(coin: Coin, paths: DataPaths) -> None:
    assert coin("pause").returncode == 0
    assert coin("login").returncode == 0
    assert coin("token", "viewer", "--name", "grafana").returncode == 0
    coin("disable-live")
    coin("stop")
    assert told(paths) == [
        ("command", "shell", "pause"), ("command", "shell", "login"), ("command_ended", "shell", "login"),
        ("token_made", "shell", ""), ("command", "shell", "disable-live"), ("command_ended", "shell", "disable-live"),
        ("command", "shell", "stop"), ("command_ended", "shell", "stop"),
    ]  # fmt: skip
    first = tail(paths.audit)[-1]
    assert first["uid"] == os.getuid() and first["role"] == "operator"
    assert first["id"] == orjson.loads(paths.control.read_bytes())["commands"][0]["id"], (
        "the line and the command are one"
    )
    done = coin("audit", "verify")
    assert done.returncode == 0 and "8 entries intact, the newest no. 8" in done.stdout


def test_no_secret_is_in_it(coin: Coin, paths: DataPaths) -> None:
    link, token = coin("login").stdout.strip(), coin("token", "operator").stdout.strip()
    kept = paths.audit.read_text()
    assert "token_made" in kept
    assert token not in kept and link.partition("t=")[2] not in kept and len(link.partition("t=")[2]) > 20


def test_kill_is_sent_first_and_written_down_also_where_it_ends_with_an_error(coin: Coin, paths: DataPaths) -> None:
    done = coin("kill", SIM_PORT="1")
    assert done.returncode != 0 and paths.kill.exists()
    assert told(paths) == [("command", "shell", "kill")]
    assert tail(paths.audit)[0]["id"] == orjson.loads(paths.control.read_bytes())["commands"][0]["id"]


def test_where_it_cannot_be_written_the_command_goes_through_and_says_so(coin: Coin, paths: DataPaths) -> None:
    paths.audit.mkdir()
    done = coin("pause")
    assert done.returncode == 0 and "this command was not written to audit.jsonl" in done.stderr
    assert orjson.loads(paths.control.read_bytes())["command"] == "pause"


def test_a_refused_folder_gets_no_log(coin: Coin, paths: DataPaths) -> None:
    other = paths.root.parent / "other"
    other.mkdir()
    (other / "thesis.doc").write_text("x")
    assert coin("login", DATA_DIR=str(other)).returncode == 78
    assert os.listdir(other) == ["thesis.doc"]


@pytest.mark.parametrize(
    ("kind", "found"),
    [("edited", "was changed"), ("removed", "does not follow"), ("cut", "later entries were removed")],
)
def test_verify_finds_it_with_code_1(coin: Coin, paths: DataPaths, kind: str, found: str) -> None:
    for _ in range(4):
        assert coin("pause").returncode == 0
    engine = open_writer(paths.ledger)
    with engine.begin() as db:
        put(db, key_values, key="audit_head", value=str(head_of(paths.audit)))
    engine.dispose()
    done = coin("audit", "verify")
    assert done.returncode == 0 and "ledger has recorded entry 4" in done.stdout, done.stdout + done.stderr
    lines = paths.audit.read_bytes().splitlines(keepends=True)
    changed = {
        "edited": [lines[0].replace(b"pause", b"start"), *lines[1:]],
        "removed": [lines[0], *lines[2:]],
        "cut": lines[:3],
    }
    paths.audit.write_bytes(b"".join(changed[kind]))
    done = coin("audit", "verify")
    assert done.returncode == 1 and found in done.stdout


def test_it_is_shown_newest_first_as_a_table_and_as_json(coin: Coin, paths: DataPaths) -> None:
    coin("pause")
    coin("halt")
    shown = coin("audit").stdout
    assert shown.index("stop") < shown.index("pause") and "shell" in shown
    assert [row["cmd"] for row in orjson.loads(coin("audit", "--last", "1", "--json").stdout)] == ["stop"]
    assert verify(paths.audit).entries == 2, "looking writes nothing"
