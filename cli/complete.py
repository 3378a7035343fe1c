"""Tab in bash, zsh and fish: the script for the shell, and what it asks `./coin` for.

The answers come from the commands themselves, so that they can't differ from what is there. `./coin` answers before it
prepares anything: a Tab must never start a download.
"""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_inspect_parameters

VARIABLE = "_COIN_COMPLETE"  # how a shell's script asks; the script `coin` knows it, too


class Shell(StrEnum):
    """Shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_BASH = """\
# bash: source this file, or put into ~/.bashrc:  source <(/path/to/coin completion bash)
_coin_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _COIN_COMPLETE=complete_bash \\
        "${COMP_WORDS[0]/#\\~/$HOME}" 2>/dev/null) )
}
complete -o default -F _coin_completion coin
"""
_ZSH = """\
#compdef coin
# zsh: source this file, or put into ~/.zshrc after compinit:  source <(/path/to/coin completion zsh)
_coin_completion() {
    local typed="${(j: :)words[1,$CURRENT]}"
    eval "$(_TYPER_COMPLETE_ARGS="$typed" _COIN_COMPLETE=complete_zsh ${words[1]/#\\~/$HOME} 2>/dev/null)"
}
compdef _coin_completion coin ./coin
"""
_FISH = """\
# fish: source this file, or put it into ~/.config/fish/completions/coin.fish
function __coin_ask
    set -l words (commandline -opc)
    _TYPER_COMPLETE_ARGS=(commandline -cp | string collect) _TYPER_COMPLETE_FISH_ACTION=get-args \\
        _COIN_COMPLETE=complete_fish $words[1] 2>/dev/null
end
complete --command coin --arguments '(__coin_ask)'
complete --command ./coin --arguments '(__coin_ask)'
"""
_SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


def completion(shell: Annotated[Shell, typer.Argument(help="Your shell.")]) -> None:
    """Print what the shell reads."""
    typer.echo(_SCRIPTS[shell].rstrip())


def prepare() -> None:
    """Make the shells' forms known, where one asks."""
    get_completion_inspect_parameters()
