"""The table of commands: each entry is a whole command, and nothing of it is loaded before it is asked for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from cli import lazy
from cli.command_table import COMMANDS
from cli.lazy import CommandEntry
from tests.cli.conftest import Coin
from tests.conftest import ROOT

GROUPS = {entry.name for entry in COMMANDS if any(e.name.startswith(f"{entry.name} ") for e in COMMANDS)}


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_each_entry_is_a_command_with_help(entry: CommandEntry) -> None:
    found = lazy.load(entry, COMMANDS)
    assert found.name == entry.name.rpartition(" ")[2] and found.help == entry.help
    assert isinstance(found, TyperGroup) == (entry.name in GROUPS)
    assert (found.callback is not None) == bool(entry.target)
    for option in found.params:
        assert getattr(option, "help", None) or option.param_type_name == "argument", f"{entry.name} {option.name}"


def test_each_name_stands_once_and_below_a_group_that_exists() -> None:
    names = [entry.name for entry in COMMANDS]
    assert len(names) == len(set(names))
    assert {name.rpartition(" ")[0] for name in names} - {""} <= set(names)
    assert all(entry.panel for entry in COMMANDS if " " not in entry.name)


def test_the_help_lists_every_command_in_one_line_each_and_loads_none(coin: Coin) -> None:
    said = coin("--help").stdout
    for entry in COMMANDS:
        if " " not in entry.name:
            assert re.search(rf"│ {entry.name} +{re.escape(' '.join(entry.summary.split()[:2]))}", said), entry.name
    run = "import sys; from cli.app import main\ntry: main()\nfinally: print(*sys.modules)"
    command = [sys.executable, "-c", run, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    modules = set(done.stdout.splitlines()[-1].split())
    assert not {name.partition(".")[0] for name in modules} & {"bot", "dashboard", "research", "simulator", "simtest"}
    assert not modules & {"numpy", "shared.settings", "shared.pm2"}
    assert {entry.target.partition(":")[0] for entry in COMMANDS} & modules == {"cli.complete"}


def test_a_new_command_is_one_entry_and_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "greeting.py").write_text(
        "from typing import Annotated\nimport typer\n\n"
        "def greet(name: str, loud: Annotated[bool, typer.Option('--loud', help='In capitals.')] = False) -> int:\n"
        "    typer.echo(name.upper() if loud else name)\n    return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    table = (*COMMANDS, CommandEntry("greet", "greeting:greet", "Greet somebody.", "Watch"))
    app = lazy.group(CommandEntry("", "", "All."), table)
    with pytest.raises(SystemExit) as ended:
        app(["greet", "ada", "--loud"], prog_name="./coin")
    assert (ended.value.code, capsys.readouterr().out) == (3, "ADA\n")
    with pytest.raises(SystemExit):
        app(["greet", "--help"], prog_name="./coin")
    said = capsys.readouterr().out
    assert "Greet somebody." in said and "In capitals." in said
    with pytest.raises(SystemExit) as ended:
        app(["greet", "ada", "--loud", "--loud"], prog_name="./coin")
    assert ended.value.code == 2 and "given twice" in capsys.readouterr().err


def test_what_a_command_needs_is_named_where_it_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    entry = CommandEntry("x", "nowhere:x", "X.", needs=("numpy", "no_such_package"))
    with pytest.raises(typer.Exit):
        lazy.load(entry, (entry,))
    said = capsys.readouterr().err
    assert "not installed (no_such_package)" in said and "requirements-research.txt" in said
