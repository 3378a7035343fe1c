"""Which folder counts as ours: somebody else's is never closed to others nor filled with our files."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shared import data_folder
from shared.data_folder import MARKER, ROOT, FolderRefused, foreign_name, prepare, private, refusal
from shared.paths import DataPaths

NOBODY = 65534


def holding(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_text("x")
    return folder


def seen(folder: Path) -> tuple[int, list[str]]:
    """Mode and content, which a refusal leaves as they are."""
    return folder.stat().st_mode, sorted(os.listdir(folder))


OURS = [
    (),
    (MARKER, "notes.txt"),
    ("ledger.db", "notes.txt"),
    ("ledger-replay.db", "Photos/"),
    ("bot_state.json", "BTC-USD.csv"),
    ("bot.lock",),
    ("logs/",),
    ("logs/pm2/", "logs/COIN.log"),
    ("sim/", "logs/", "dashboard/", "research/", "tape-paper/", "backups/", "bots/", "watch/", "candles/"),
    ("candles/BTC-USD_1m.parquet",),
    ("backups/record.json", "incidents/incident-20261201T065119Z.zip"),  # asked for before the first start
    ("lost+found/",),
    (".gitkeep",),
    ("KILL", "x"),
]


@pytest.mark.parametrize("names", OURS, ids=[" ".join(names) or "empty" for names in OURS])
def test_ours_is_marked_and_closed(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = holding(tmp_path, *names)
    folder.chmod(0o755)
    DataPaths(folder).prepare()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / MARKER).is_file()
    (folder / "whatever.txt").write_text("x")
    assert refusal(folder) is None, "it stays ours"


OTHERS = [
    (("thesis.doc",), "thesis.doc"),
    (("logs/", "Photos/"), "Photos"),
    (("logs",), "logs"),
    (("logs/syslog",), "logs"),
    (("research/paper.tex", "logs/"), "research"),
    (("ledger.dbx",), "ledger.dbx"),
    (("other.db",), "other.db"),
    (("bot.lock/",), "bot.lock"),
    ((".profile", ".cache/"), ".cache"),
    ((".ssh/",), ".ssh"),
]


@pytest.mark.parametrize(("names", "named"), OTHERS, ids=[" ".join(names) for names, _ in OTHERS])
def test_somebody_elses_is_refused_as_it_is(tmp_path: Path, names: tuple[str, ...], named: str) -> None:
    folder = holding(tmp_path, *names)
    folder.chmod(0o755)
    before = seen(folder)
    with pytest.raises(FolderRefused, match="not a data folder") as caught:
        DataPaths(folder).prepare()
    assert f"it contains {named}," in str(caught.value) and "DATA_DIR=" in caught.value.ways[0]
    assert seen(folder) == before


def test_a_link_with_the_name_of_our_file_is_no_mark(tmp_path: Path) -> None:
    folder = holding(tmp_path, "thesis.doc")
    (folder / MARKER).symlink_to("/etc/hostname")
    (folder / "ledger.db").symlink_to("/etc/hostname")
    assert foreign_name(folder) is not None


@pytest.mark.parametrize("place", ["/", "/tmp", "/var", "/home", str(Path.home()), str(ROOT), str(ROOT.parent)])
def test_places_of_the_machine_the_home_and_the_project_itself(place: str) -> None:
    found = refusal(Path(place))
    assert found is not None and "other programs" in found.problem
    assert f"DATA_DIR={Path(place) / 'cointrader'}" in found.ways[0]


def test_home_is_refused_even_when_empty_or_with_a_file_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(holding(tmp_path, "ledger.db")))
    assert refusal(tmp_path / "folder") is not None
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert refusal(tmp_path / "link") is not None, "whatever it is called"


def test_rooms_of_the_project_are_no_data_folder_and_its_data_is() -> None:
    assert refusal(ROOT / "tests") is not None
    assert refusal(ROOT / "data") is None


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703, 0o1700])
def test_a_folder_open_to_everybody_is_refused_until_a_person_closed_it(tmp_path: Path, mode: int) -> None:
    folder = holding(tmp_path, "ledger.db")
    folder.chmod(mode)
    before = seen(folder)
    with pytest.raises(FolderRefused, match="open to everybody") as caught:
        prepare(folder)
    assert seen(folder) == before
    command = caught.value.ways[0].partition(": ")[2]
    subprocess.run(command, shell=True, check=True)
    prepare(folder)


def test_a_parent_in_which_everybody_may_rename(tmp_path: Path) -> None:
    parent = tmp_path / "open"
    parent.mkdir()
    parent.chmod(0o777)
    with pytest.raises(FolderRefused, match="everybody may rename") as caught:
        prepare(parent / "data")
    assert not (parent / "data").exists()
    subprocess.run(caught.value.ways[0], shell=True, check=True)
    prepare(parent / "data")
    parent.chmod(0o1777)
    assert refusal(parent / "data") is None, "the sticky bit keeps others from renaming it"


@pytest.mark.needs("root")
def test_another_users_folder_link_or_parent(tmp_path: Path) -> None:
    folder = holding(tmp_path, "ledger.db")
    os.chown(folder, NOBODY, NOBODY)
    before = seen(folder)
    with pytest.raises(FolderRefused, match="belongs to nobody, and this is root") as caught:
        prepare(folder)
    assert "sudo -u nobody ./coin" in caught.value.ways[0]
    assert seen(folder) == before
    with pytest.raises(FolderRefused, match="a folder of nobody, who may replace it"):
        prepare(folder / "data")
    assert seen(folder) == before
    (tmp_path / "mine").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "mine")
    assert refusal(link) is None
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(FolderRefused, match="a link that nobody made"):
        prepare(link)
    link.unlink()
    link.symlink_to(folder)
    with pytest.raises(FolderRefused, match="belongs to nobody"):
        prepare(link)


@pytest.mark.needs("root")
def test_what_another_user_put_there_is_no_mark(tmp_path: Path) -> None:
    folder = holding(tmp_path, "bot.lock", "thesis.doc")
    os.chown(folder / "bot.lock", NOBODY, NOBODY)
    assert foreign_name(folder) == "bot.lock"


@pytest.mark.needs("root")
def test_no_mode_is_changed_through_a_link_in_the_folder(tmp_path: Path) -> None:
    folder, target = holding(tmp_path, "bot.lock"), tmp_path / "target"
    target.mkdir()
    target.chmod(0o755)  # whatever the umask is
    (folder / "logs").symlink_to(target)
    DataPaths(folder).prepare()
    assert target.stat().st_mode & 0o777 == 0o755
    os.chown(target, NOBODY, NOBODY)
    with pytest.raises(FolderRefused, match="link to a folder of nobody"):
        private(folder / "logs")


def test_a_folder_that_is_not_there_yet_and_what_is_no_folder(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "new")
    assert (tmp_path / "a" / "new" / MARKER).stat().st_mode & 0o777 == 0o600
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderRefused, match="not a folder"):
        prepare(tmp_path / "file")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FolderRefused):
        prepare(tmp_path / "loop")


def test_a_folder_of_data_is_marked_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data_folder.os, "write", full)
    prepare(tmp_path / "data")
    assert (tmp_path / "data" / MARKER).stat().st_size == 0
    (tmp_path / "data" / "x").write_text("x")
    assert refusal(tmp_path / "data") is None


@pytest.mark.parametrize("module", ["bot", "dashboard", "simulator"])
def test_each_process_refuses_it_as_it_is(tmp_path: Path, module: str) -> None:
    folder = holding(tmp_path, "thesis.doc")
    folder.chmod(0o755)
    before = seen(folder)
    env = os.environ | {"DATA_DIR": str(folder), "COIN_MODE": "sim"}
    done = subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 78, done.stderr
    assert "thesis.doc" in done.stdout + done.stderr and str(folder / "cointrader") in done.stdout + done.stderr
    assert seen(folder) == before


COMMANDS = [
    ("start", "--no-link"), ("login",), ("token", "viewer"), ("restore", "x.tar.gz"), ("sim", "start"), ("sim", "key"),
    ("sim", "reset"), ("data", "products"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=[" ".join(command) for command in COMMANDS])
def test_each_command_that_writes_refuses_it_as_it_is(tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = holding(tmp_path, "thesis.doc")
    folder.chmod(0o755)
    before = seen(folder)
    env = os.environ | {"DATA_DIR": str(folder), "COIN_MODE": "sim", "PM2_HOME": str(tmp_path / "pm2")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 78, done.stderr
    assert "thesis.doc" in done.stderr
    assert seen(folder) == before and not (tmp_path / "pm2").exists()


def coin(folder: Path, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"DATA_DIR": str(folder), "COIN_MODE": "sim", "SIM_PORT": "1"} | extra
    return subprocess.run(
        [sys.executable, "-m", "cli", *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.mark.needs("root")
@pytest.mark.parametrize("command", ["pause", "run", "halt"])
def test_root_does_not_command_another_users_bot_with_files_that_it_could_not_read(
    tmp_path: Path, command: str
) -> None:
    folder = holding(tmp_path, "bot.lock")
    os.chown(folder, NOBODY, NOBODY)
    before = seen(folder)
    done = coin(folder, command)
    assert done.returncode == 78 and "sudo -u nobody ./coin" in done.stderr
    assert seen(folder) == before


@pytest.mark.needs("root")
def test_root_reads_and_kills_on_another_users_folder(tmp_path: Path) -> None:
    """The file KILL alone: the bot only looks whether it is there, and its owner can remove it."""
    folder = holding(tmp_path, "bot.lock")
    os.chown(folder, NOBODY, NOBODY)
    done = coin(folder, "kill")
    assert "killed by the file KILL" in done.stdout
    assert seen(folder)[1] == ["KILL", "bot.lock"], "no control.json that the bot could not read"
    assert coin(folder, "status").returncode == 10 or "KILL" in coin(folder, "doctor").stdout
    assert seen(folder)[1] == ["KILL", "bot.lock"]
    subprocess.run(["rm", str(folder / "KILL")], user=NOBODY, group=NOBODY, check=False, cwd="/")


def test_kill_works_in_a_folder_that_would_be_refused(tmp_path: Path) -> None:
    folder = holding(tmp_path, "thesis.doc")
    assert "killed by the file KILL" in coin(folder, "kill").stdout
    assert (folder / "KILL").exists()


def test_a_group_of_others_counts_like_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own group, in which nobody else is, is what a umask of 002 gives: that stays."""
    parent = tmp_path / "team"
    folder = parent / "data"
    folder.mkdir(parents=True)
    for open_one, said in ((parent, "may rename and replace"), (folder, "is open to the group")):
        open_one.chmod(0o775)
        assert refusal(folder) is None, "nobody else is in it"
        monkeypatch.setattr(data_folder, "_others_in", lambda _group: {"mallory"})
        with pytest.raises(FolderRefused, match=said) as caught:
            prepare(folder)
        assert open_one.stat().st_mode & 0o777 == 0o775 and not (folder / MARKER).exists()
        subprocess.run(caught.value.ways[-1 if open_one == parent else 0].split(": ")[-1], shell=True, check=True)
        assert refusal(folder) is None, "the way out that was named leads out"
        monkeypatch.undo()
        open_one.chmod(0o755)


@pytest.mark.needs("root")
def test_a_member_of_the_parents_group_can_swap_the_folder_and_so_it_is_refused(tmp_path: Path) -> None:
    """What is meant by it, with a real second user."""
    team = Path(tempfile.mkdtemp(dir="/tmp")) / "team"  # pytest's own are shut to others
    try:
        (team / "data").mkdir(parents=True)
        team.parent.chmod(0o755)
        os.chown(team, 0, 54_333)
        team.chmod(0o775)
        with pytest.raises(FolderRefused, match="the group 54333 may rename"):
            prepare(team / "data")
        swap = ["mv", str(team / "data"), str(team / "gone")]
        done = subprocess.run(swap, user=54_321, group=54_333, extra_groups=[], cwd="/", check=False)
        assert done.returncode == 0, "it is no theory"
    finally:
        shutil.rmtree(team.parent)
