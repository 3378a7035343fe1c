"""Who may command PM2: a home or a socket that others can reach is refused, with the command that mends it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shared.paths import ROOT
from shared.pm2 import Pm2Client, Pm2Unavailable, Trouble
from shared.pm2_home import refusal

NOBODY = 65534
SHARED = 100  # "users"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a group that this user shares with others (as far as the machine can tell), where that can be set."""
    made = tmp_path / "pm2"
    made.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(made, -1, SHARED)
    return made


def mend(way: str) -> None:
    subprocess.run(way, shell=True, check=True)


@pytest.mark.needs("root")
@pytest.mark.parametrize("mode", [0o770, 0o775, 0o720])
def test_a_home_that_a_group_may_write_to(home: Path, mode: int) -> None:
    home.chmod(mode)
    found = refusal(home)
    assert found is not None and "open to the group" in found.problem
    mend(found.ways[0])
    assert refusal(home) is None
    home.chmod(mode)
    os.chown(home, -1, os.getegid())
    assert refusal(home) is None, "root's own group, in which nobody else is"


@pytest.mark.parametrize("mode", [0o777, 0o702])
def test_a_home_that_everybody_may_write_to(home: Path, mode: int) -> None:
    home.chmod(mode)
    found = refusal(home)
    assert found is not None and "open to everybody" in found.problem
    mend(found.ways[0])
    assert refusal(home) is None


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o711])
def test_a_home_that_others_may_only_look_into(home: Path, mode: int) -> None:
    home.chmod(mode)
    assert refusal(home) is None


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    ("folder_mode", "socket_mode", "refused"),
    [
        (0o755, 0o755, False), (0o755, 0o775, True), (0o711, 0o722, True), (0o750, 0o770, True), (0o750, 0o702, False),
        (0o700, 0o777, False), (0o744, 0o777, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["rpc.sock", "pub.sock"])
def test_a_socket_that_others_can_connect_to(
    home: Path, name: str, folder_mode: int, socket_mode: int, refused: bool
) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(home / name))
        os.chown(home / name, -1, SHARED)
        (home / name).chmod(socket_mode)
        home.chmod(folder_mode)
        found = refusal(home)
        assert (found is not None) == refused
        if found is not None:
            assert name in found.problem
            mend(found.ways[0])
            assert refusal(home) is None


def test_the_client_neither_asks_nor_commands_such_a_pm2(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(home / "rpc.sock"))
        bound.listen()
        bound.settimeout(0.2)
        home.chmod(0o772)
        for ask in (Pm2Client(home).version, lambda: Pm2Client(home).start("COIN-BOT")):
            with pytest.raises(Pm2Unavailable, match="chmod 700") as caught:
                ask()
            assert caught.value.trouble is Trouble.OPEN
        with pytest.raises(TimeoutError):
            bound.accept()


@pytest.mark.needs("root")
def test_another_users_home(home: Path) -> None:
    os.chown(home, NOBODY, NOBODY)
    found = refusal(home)
    assert found is not None and "belongs to nobody" in found.problem


@pytest.mark.parametrize("command", ["start", "stop", "restart", "pm2"])
def test_the_commands_refuse_it(home: Path, tmp_path: Path, command: str) -> None:
    home.chmod(0o772)
    env = os.environ | {"DATA_DIR": str(tmp_path / "data"), "COIN_MODE": "sim", "PM2_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "cli", command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert f"chmod 700 '{home}'" in done.stderr
    assert list(home.iterdir()) == []


@pytest.mark.needs("node")
@pytest.mark.parametrize("kind", ["home", "folder"])
def test_pm2_itself_refuses_the_ecosystem_file_where_either_is_not_ours(home: Path, tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / ("thesis.doc" if kind == "folder" else "bot.lock")).write_text("x")
    if kind == "home":
        home.chmod(0o772)
    before = (data.stat().st_mode, sorted(os.listdir(data)))
    env = os.environ | {"DATA_DIR": str(data), "PM2_HOME": str(home)}
    done = subprocess.run(
        ["node", "-e", f"require({str(ROOT / 'ecosystem.config.js')!r})"], env=env, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert ("thesis.doc" if kind == "folder" else "chmod 700") in done.stderr
    assert (data.stat().st_mode, sorted(os.listdir(data))) == before
