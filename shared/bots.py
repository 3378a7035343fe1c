"""Which bot is meant, and what follows from its name: process, folder, log, address of its pages.

The default bot has the names that stood before there could be others: the process COIN-BOT, the data folder itself, no
prefix of its own in an address. Another bot NAME has COIN-BOT-NAME, the folder `bots/NAME` in the default bot's, and
/b/NAME. No other module spells these names; `ecosystem.config.js` asks `shared.pm2_plan` for the processes.
"""

from dataclasses import dataclass
from pathlib import Path

from shared.paths import DataPaths

DEFAULT_FOLDER = "data"  # DATA_DIR where it is not set, in the project folder
DEFAULT_NAME = "main"
DASHBOARD, SIMULATOR, WATCHER, CHAT, LAB = (
    "COIN",
    "COIN-SIM",
    "COIN-WATCH",
    "COIN-CHAT",
    "COIN-LAB",
)  # the processes that serve every bot
PROMETHEUS, ALERTMANAGER, NODE_EXPORTER = "COIN-PROMETHEUS", "COIN-ALERTMANAGER", "COIN-NODE-EXPORTER"
_PROCESS = "COIN-BOT"
_LONGEST = 20  # of a name: it goes into order ids, which the exchange limits


class BadBotName(ValueError):
    """A name that cannot be a bot's; the text says what one looks like."""


@dataclass(frozen=True, slots=True)
class BotRef:
    """One bot of this installation. Raises BadBotName."""

    name: str = DEFAULT_NAME

    def __post_init__(self) -> None:
        if not is_bot_name(self.name):
            raise BadBotName(f"{self.name!r} is no name of a bot: up to {_LONGEST} letters and digits")

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT_NAME

    @property
    def process(self) -> str:
        """Its name under PM2, and of its log."""
        return _PROCESS if self.is_default else f"{_PROCESS}-{self.name}"

    @property
    def url_prefix(self) -> str:
        """What its pages' addresses begin with, without a slash at the end."""
        return "" if self.is_default else f"/b/{self.name}"

    def folder(self, data_dir: Path) -> Path:
        """Its data folder; `data_dir` is the default bot's."""
        return data_dir if self.is_default else data_dir / "bots" / self.name

    def paths(self, data_dir: Path, flavour: str = "") -> DataPaths:
        """Its files: state, control, ledger and the rest."""
        return DataPaths(self.folder(data_dir), flavour)


def bots_in(data_dir: Path) -> list[BotRef]:
    """Every bot that has a folder there: the default one first, the others by name."""
    try:
        names = sorted(path.name for path in (data_dir / "bots").iterdir() if path.is_dir() and is_bot_name(path.name))
    except OSError:
        names = []
    return [DEFAULT_BOT, *(BotRef(name) for name in names if name != DEFAULT_NAME)]


def is_bot_name(name: str) -> bool:
    """Whether a bot may have that name: it stands in order ids, file names and addresses."""
    return name.isascii() and name.isalnum() and len(name) <= _LONGEST


DEFAULT_BOT = BotRef()
