"""`./coin token` and `./coin sessions` on a data folder of their own."""

import time

import orjson

from dashboard.auth import tokens
from dashboard.auth.roles import Role
from dashboard.auth.secrets_store import private_folder
from dashboard.auth.sessions import Sessions, stored
from shared.audit_log import append
from shared.paths import DataPaths
from tests.cli.conftest import Coin


def test_the_shell_lists_and_ends(coin: Coin, paths: DataPaths) -> None:
    made = coin("token", "viewer", "--name", "grafana", "--expires", "90d")
    assert made.stdout.startswith("coin_")
    assert coin("token", "operator").returncode == 0
    assert coin("token", "viewer", "--name", "grafana").returncode == 2
    (old, named) = orjson.loads(coin("token", "--list", "--json").stdout)
    assert (named["name"], named["role"], named["last_use"]) == ("grafana", "viewer", None)
    assert named["expires"] and old["expires"] is None
    table = coin("token", "--list").stdout
    assert "grafana" in table and "in 89 d" in table and made.stdout.strip() not in table
    assert coin("token", "--revoke", "nobody").returncode == 1
    assert coin("token", "--revoke", old["id"]).returncode == 0
    assert [one.name for one in tokens.listing(paths.dashboard)] == ["grafana"]
    assert coin("token", "--revoke", "--all").returncode == 0
    assert tokens.listing(paths.dashboard) == []
    for wrong in ((), ("viewer", "--list"), ("--list", "--name", "x"), ("--list", "--revoke", "x")):
        assert coin("token", *wrong).returncode == 2, wrong
    assert "No one is signed in" in coin("sessions").stdout
    Sessions(paths.dashboard).begin(
        Role.OPERATOR, "uid 1000", how="link", address="127.0.0.1", agent="Firefox 145, Linux"
    )
    listed = coin("sessions").stdout
    assert "Firefox 145, Linux" in listed and "link" in listed
    assert coin("sessions", "--revoke", "zzzz").returncode == 1
    assert coin("sessions", "--revoke", "a").returncode == 2
    (key,) = stored(paths.dashboard)
    assert coin("sessions", "--revoke", key[:8]).returncode == 0
    assert stored(paths.dashboard) == {}
    told = [orjson.loads(line)["what"] for line in paths.audit.read_bytes().splitlines()]
    assert told == ["token_made", "token_made", "token_revoked", "token_revoked", "session_ended"]


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp"


def test_no_text_of_a_file_commands_the_terminal(coin: Coin, paths: DataPaths) -> None:
    """Root looks at another user's folder, too; and what a crash or PM2 wrote into a log is nobody's promise."""
    private_folder(paths.dashboard)
    row = {"role": "viewer", "user": "uid 1", "began_s": time.time(), "used_s": time.time(), "agent": HOSTILE,
           "address": HOSTILE, "how": HOSTILE}  # fmt: skip
    (paths.dashboard / "sessions.json").write_bytes(orjson.dumps({"password": None, "sessions": {"ab" * 32: row}}))
    tokens.make(paths.dashboard, "viewer")
    for file in (paths.dashboard / "tokens").iterdir():
        file.write_bytes(orjson.dumps({"role": "viewer", "made_s": 1.0, "name": HOSTILE}))
    (paths.logs / "COIN.log").write_text(f"2026-01-01 {HOSTILE}\ttab\n")
    append(paths.audit, {"what": HOSTILE, "by": HOSTILE, "source": HOSTILE, "cmd": HOSTILE})
    for command in (
        ("sessions",), ("sessions", "--json"), ("token", "--list"), ("token", "--list", "--json"), ("logs",),
        ("audit",), ("audit", "--json"), ("sessions", "--revoke", "abababab"), ("token", "--revoke", "all"),
    ):  # fmt: skip
        done = coin(*command)
        assert done.returncode == 0, (command, done.stderr)
        said = done.stdout + done.stderr
        assert "owned" in said or "--revoke" in command, command
        found = {c for c in said if not c.isprintable() and c not in "\n\t"}
        assert not found, (command, found)
    assert "\ttab" in coin("logs").stdout
