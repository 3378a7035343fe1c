"""The script `coin`: prepares from nothing, is repeatable after any interruption, and says what is missing.

The script is the real one; what it installs is a tiny package made here, so that no test needs a network.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

TINY = {
    "tiny.py": "VALUE = 7\n",
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.0.dist-info/RECORD": "tiny.py,,\n"
    + "".join(f"tiny-1.0.dist-info/{n},,\n" for n in ("METADATA", "WHEEL", "RECORD")),
}
HANDOVER = "import os, sys, tiny\nprint('HANDED', tiny.VALUE, sys.argv[1:], os.getcwd(), os.environ['COIN_CWD'])\n"


class Checkout:
    """A copy of the script with a lock of one tiny wheel and no npm packages."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root = root
        self.wheels = wheels
        (root / "cli").mkdir(parents=True)
        shutil.copy(ROOT / "coin", root / "coin")
        (root / "cli" / "__init__.py").touch()
        (root / "cli" / "__main__.py").write_text(HANDOVER)
        (root / "package.json").write_text('{"name":"tiny","version":"1.0.0"}')
        itself = {"name": "tiny", "version": "1.0.0"}
        lock = {**itself, "lockfileVersion": 3, "requires": True, "packages": {"": itself}}
        (root / "package-lock.json").write_text(json.dumps(lock))
        self.lock(hashlib.sha256(next(wheels.glob("*.whl")).read_bytes()).hexdigest())

    def lock(self, digest: str) -> None:
        (self.root / "requirements.txt").write_text(f"tiny==1.0 \\\n    --hash=sha256:{digest}\n")

    def env(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.base_prefix) / 'bin'}:{os.defpath}:/usr/local/bin",
            "HOME": str(self.root),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "COIN_PYTHON": sys.executable,
            **more,
        }

    def run(
        self, *arguments: str, script: Path | None = None, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        command = [str(script or self.root / "coin"), *arguments]
        return subprocess.run(
            command, cwd=cwd or self.root, env=self.env(**env), capture_output=True, text=True, timeout=90, check=False
        )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in TINY.items():
            wheel.writestr(name, text)
    return folder


@pytest.fixture
def checkout(tmp_path: Path, wheels: Path) -> Checkout:
    return Checkout(tmp_path / "a b", wheels)  # a space, as in many a user's path


@pytest.fixture
def made(checkout: Checkout) -> Checkout:
    assert "HANDED 7" in checkout.run("status").stdout
    return checkout


def test_from_nothing_then_at_once(checkout: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(checkout.root / "coin")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first = checkout.run("logs", "-n", "5", script=link, cwd=elsewhere)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"HANDED 7 ['logs', '-n', '5'] {checkout.root} {elsewhere}\n"
    assert "Python packages" in first.stderr
    began = time.monotonic()
    second = checkout.run("status", script=link, cwd=elsewhere)
    assert second.stderr == ""
    assert time.monotonic() - began < 1.0  # with Python's own start; the script takes a tenth of a second


@pytest.mark.needs("node")
def test_npm_packages_only_where_they_are_needed(made: Checkout) -> None:
    node = Path(shutil.which("node") or "/").parent
    path = f"{node}:{os.defpath}"
    assert not (made.root / "node_modules").exists()
    done = made.run("start", PATH=path)
    assert "npm packages" in done.stderr, done.stderr
    assert (made.root / "node_modules" / ".coin-lock").exists()
    assert made.run("start", PATH=path).stderr == ""


@pytest.mark.needs("node")
def test_the_exchange_alone_may_be_the_first_thing_that_is_started(made: Checkout) -> None:
    """The first command of docs/simulator.md: PM2 is an npm package, and nobody has asked for those before."""
    path = f"{Path(shutil.which('node') or '/').parent}:{os.defpath}"
    for looking in (("sim", "status"), ("sim", "start", "--help"), ("sim", "stop")):
        assert made.run(*looking, PATH=path).stderr == "", "it waits for no download"
    done = made.run("sim", "start", PATH=path)
    assert "npm packages" in done.stderr and "HANDED 7 ['sim', 'start']" in done.stdout, done.stderr
    assert (made.root / "node_modules" / ".coin-lock").exists()


def test_a_changed_lock_is_installed(made: Checkout) -> None:
    lock = made.root / "requirements.txt"
    lock.write_text(lock.read_text() + "# newer\n")
    assert "Python packages" in made.run("settings").stderr
    assert made.run("settings").stderr == ""


def test_a_kill_waits_for_no_download(made: Checkout) -> None:
    """After an update whose packages can't be had, a kill still goes through, and latches before anything else."""
    made.lock("0" * 64)
    (made.root / "data").mkdir()
    made.run("kill", "--help")
    assert not (made.root / "data/KILL").exists(), "who asks what it does has not done it"
    done = made.run("kill")
    assert "HANDED 7 ['kill']" in done.stdout
    assert "older version" in done.stderr
    assert (made.root / "data/KILL").stat().st_mode & 0o777 == 0o600
    (made.root / "data/KILL").unlink()
    shutil.rmtree(made.root / ".venv")
    assert made.run("kill").returncode == 1
    assert (made.root / "data/KILL").exists()


def test_a_tampered_package_is_refused(checkout: Checkout) -> None:
    checkout.lock("0" * 64)
    done = checkout.run("status")
    assert done.returncode == 1
    assert "was refused" in done.stderr
    assert "HANDED" not in done.stdout
    assert not (checkout.root / ".venv/.coin/requirements.txt").exists()


def test_no_network_is_said(checkout: Checkout, free_port: Callable[[], int]) -> None:
    index = f"http://127.0.0.1:{free_port()}/simple"
    done = checkout.run("status", PIP_NO_INDEX="0", PIP_FIND_LINKS="", PIP_INDEX_URL=index, PIP_RETRIES="0")
    assert done.returncode == 1
    assert "can't be reached" in done.stderr, done.stderr


def test_a_moved_checkout_is_rebuilt(made: Checkout, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    made.root.rename(moved)
    made.root = moved
    done = made.run("status")
    assert "Python environment" in done.stderr
    assert "HANDED 7" in done.stdout
    assert (moved / ".venv/bin/pip").read_text().splitlines()[0].startswith(f"#!{moved}")


def test_an_environment_of_another_python_is_rebuilt(made: Checkout) -> None:
    (made.root / ".venv/.coin/made").write_text(f"3.9 {made.root}\n")
    assert "Python environment" in made.run("status").stderr
    assert made.run("status").stderr == ""


def test_an_environment_made_by_hand_is_filled_not_removed(checkout: Checkout) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(checkout.root / ".venv")], check=True)
    (checkout.root / ".venv/mine").touch()
    assert "HANDED 7" in checkout.run("status").stdout
    assert (checkout.root / ".venv/mine").exists()


def test_an_unusable_python_is_named(checkout: Checkout, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 3.9; exit 1\n")
    old.chmod(0o755)
    done = checkout.run("status", COIN_PYTHON=str(old))
    assert done.returncode == 1
    assert f"COIN_PYTHON={old} is Python 3.9, not a usable Python 3.11" in done.stderr
    (checkout.root / ".env").write_text(f"COIN_PYTHON='{old}'\n")
    assert "is Python 3.9" in checkout.run("status", COIN_PYTHON="").stderr


def test_interrupted_then_repeated(checkout: Checkout) -> None:
    """Ctrl-C while pip waits for a server that never answers; the next call makes it whole."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        index = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        env = checkout.env(PIP_NO_INDEX="0", PIP_FIND_LINKS="", PIP_INDEX_URL=index)
        running = subprocess.Popen(
            [checkout.root / "coin", "status"], env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        server.settimeout(60)
        link, _ = server.accept()  # pip has asked: the set-up is half-way
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=20)
        link.close()
    assert running.returncode == 130
    assert "Nothing is broken" in said
    assert not (checkout.root / ".coin/lock").exists()
    assert "HANDED 7" in checkout.run("status").stdout


def test_killed_then_repeated(checkout: Checkout) -> None:
    """kill -9 leaves its lock and a half-made environment behind; neither is in the way."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    (checkout.root / ".coin/lock").mkdir(parents=True)
    (checkout.root / ".coin/lock/pid").write_text(f"{gone.pid}\n")
    (checkout.root / ".venv/.coin").mkdir(parents=True)
    (checkout.root / ".venv/bin").mkdir()
    (checkout.root / ".venv/bin/python").write_text("half")
    done = checkout.run("status")
    assert "HANDED 7" in done.stdout, done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no right to mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.needs("root")
def test_a_full_disk_is_named_and_then_repeated(small_disk: Path, wheels: Path) -> None:
    checkout = Checkout(small_disk / "project", wheels)
    done = checkout.run("status")
    assert done.returncode == 1
    assert "disk is full" in done.stderr, done.stderr
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    assert "HANDED 7" in checkout.run("status").stdout
