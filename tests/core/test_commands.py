"""Once-commands: each that is not the shell's has its handler, and one that nobody knows ends in a receipt."""

from bot.domain import events as ev
from bot.domain.intents import SaveReceipt
from bot.engine import commands
from shared.command_table import Cmd
from shared.control import LEVEL_OF, Command
from shared.documents.control import ReceiptState
from tests.core.harness import Rig, of, one

OF_THE_SHELL = {Cmd.RESET_KILL, Cmd.DRILL, Cmd.RELOAD}


def test_every_command_has_its_handler() -> None:
    assert set(commands.HANDLERS) == set(Cmd) - {Cmd(word) for word in LEVEL_OF} - OF_THE_SHELL


def test_one_that_nobody_knows_fails_and_says_so() -> None:
    rig = Rig()
    found = rig.send(ev.CommandReceived(Command(seq=1, id="x-1", cmd="teleport", at="")))
    receipt = one(of(found, SaveReceipt))
    assert (receipt.command_id, receipt.state) == ("x-1", ReceiptState.FAILED)
    assert receipt.reason == "the engine has no command teleport"
