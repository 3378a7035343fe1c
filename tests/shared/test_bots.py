"""A bot's names follow from one place, and the default bot keeps the names that users know."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.bots import CHAT, DEFAULT_BOT, LAB, WATCHER, BadBotName, BotRef
from shared.paths import ROOT
from shared.pm2_plan import EVERY, ORDER_OF_STOP, processes
from shared.setting_table import RULES, Settings, handed_over

ROOMS = ("bot", "cli", "dashboard", "shared", "simulator", "bench")


def test_the_default_bot_is_where_it_always_was() -> None:
    data = Path("/srv/coin")
    assert (DEFAULT_BOT.process, DEFAULT_BOT.url_prefix) == ("COIN-BOT", "")
    assert DEFAULT_BOT.paths(data).ledger == data / "ledger.db" and DEFAULT_BOT.paths(data).control.parent == data
    assert Settings().paths.root == ROOT / "data" and Settings().bot_name == "main"


def test_another_bot_has_names_of_its_own() -> None:
    other = BotRef("alice")
    assert (other.process, other.url_prefix) == ("COIN-BOT-alice", "/b/alice")
    assert other.paths(Path("/srv/coin"), "-paper").ledger == Path("/srv/coin/bots/alice/ledger-paper.db")
    assert not other.is_default and DEFAULT_BOT.is_default


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "ä", "x" * 21, "a-b", "a\n"])
def test_a_name_that_would_leave_its_folder_or_its_ids_is_refused(name: str) -> None:
    with pytest.raises(BadBotName):
        BotRef(name)


def test_what_runs_in_which_mode() -> None:
    assert processes("sim") == ("COIN", "COIN-BOT", "COIN-SIM", "COIN-WATCH")
    assert processes("live") == ("COIN", "COIN-BOT", "COIN-WATCH")
    assert processes("sim", watch=False) == ("COIN", "COIN-BOT", "COIN-SIM")
    assert processes("live", chat=True) == ("COIN", "COIN-BOT", "COIN-WATCH", "COIN-CHAT")
    # Who would tell of the others' end goes before them, and the bot before its exchange.
    assert set(ORDER_OF_STOP) == set(EVERY) and ORDER_OF_STOP[:4] == (WATCHER, CHAT, LAB, DEFAULT_BOT.process)


def test_the_plan_that_the_ecosystem_file_asks_for(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shared.pm2_plan", str(tmp_path / "data"), str(tmp_path / "pm2"), "live"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    plan = json.loads(done.stdout)
    assert [one["name"] for one in plan["processes"]] == ["COIN", "COIN-BOT", "COIN-WATCH", "COIN-LAB"]
    # What waits until it is asked for, and what LAB=false leaves out.
    assert [one["on_demand"] for one in plan["processes"]] == [False, False, False, True]
    without = subprocess.run(
        [*command, "true", "", "false"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert [one["name"] for one in json.loads(without.stdout)["processes"]] == ["COIN", "COIN-BOT", "COIN-WATCH"]
    assert plan["settings"] == [*handed_over(), "PRODUCT_ID"]
    assert not [key for key in plan["settings"] if key in RULES and RULES[key].secret]


def _literals(path: Path) -> set[str]:
    """The texts in a module that are values: docstrings and comments may name what they like."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    return {
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in docs
    }


def test_no_other_module_spells_the_default_bot() -> None:
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if path != ROOT / "shared" / "bots.py"]
    assert len(found) > 300
    assert [path for path in found if any("COIN-BOT" in text for text in _literals(path))] == []


def _joins_data(path: Path) -> bool:
    """Whether a path is put together with the name of the default folder."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.BinOp(op=ast.Div(), right=ast.Constant(value="data")):
                return True
            case ast.Call(func=ast.Name(id="Path"), args=[ast.Constant(value="data"), *_]):
                return True
            case ast.BoolOp(op=ast.Or(), values=[*_, ast.Constant(value="data")]):
                return True
    return False


def test_no_other_module_knows_the_default_folder() -> None:
    assert _joins_data_is_able()
    assert [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if _joins_data(path)] == []


def _joins_data_is_able() -> bool:
    return _joins_data(Path(__file__))


_SEEN_BY_THE_SEARCH = ROOT / "data"
