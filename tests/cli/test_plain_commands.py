"""Commands to the bot that `./coin` makes from the table: what they take, what they ask, what they send."""

import inspect
from typing import Any

import pytest
import typer

from cli import plain_commands
from cli.command_table import COMMANDS as ENTRIES
from shared.command_table import COMMANDS, Cmd


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Cmd, dict[str, str]]]:
    found: list[tuple[Cmd, dict[str, str]]] = []
    monkeypatch.setattr(plain_commands, "command", lambda cmd, args: found.append((cmd, args)))
    return found


def made(cmd: Cmd) -> Any:
    return getattr(plain_commands, cmd.value)


@pytest.mark.parametrize("cmd", Cmd)
def test_it_takes_what_its_rule_says(cmd: Cmd, sent: list[tuple[Cmd, dict[str, str]]]) -> None:
    rule = COMMANDS[cmd]
    takes = list(inspect.signature(made(cmd)).parameters)
    assert takes == [*rule.takes, *(["yes"] if rule.typed else [])]
    assert made(cmd).__doc__ == rule.help and rule.help.endswith(".")
    args = dict.fromkeys(rule.takes, "x")
    made(cmd)(**args, **({"yes": True} if rule.typed else {}))
    assert sent == [(cmd, args)]


def test_what_may_be_left_out_is_not_sent(sent: list[tuple[Cmd, dict[str, str]]]) -> None:
    made(Cmd.MOVE_TAKE)(lot_id="x", price="1", at_a_loss="")
    assert sent == [(Cmd.MOVE_TAKE, {"lot_id": "x", "price": "1"})]


@pytest.mark.parametrize(("word", "goes"), [("flatten", True), ("yes", False), ("", False)])
def test_a_typed_word_is_asked_for(
    word: str, goes: bool, sent: list[tuple[Cmd, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(typer, "prompt", lambda text: asked.append(text) or word)
    if goes:
        made(Cmd.FLATTEN)()
    else:
        with pytest.raises(typer.Exit):
            made(Cmd.FLATTEN)()
    assert bool(sent) is goes and 'Type "flatten"' in asked[0]


def test_no_other_name_is_a_command() -> None:
    with pytest.raises(AttributeError):
        _ = plain_commands.nonsense


def test_every_command_of_the_table_is_one_of_the_shells() -> None:
    """start and stop are called run and halt there: ./coin start and stop are the processes'."""
    names = {entry.name for entry in ENTRIES}
    called = {Cmd.START: "run", Cmd.STOP: "halt"}
    assert {called.get(cmd, cmd.value.replace("_", "-")) for cmd in Cmd} <= names
