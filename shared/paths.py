"""Where each file between the processes lies under the data folder."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What lies in a data folder, by which one is known as ours.
_FILES = frozenset(
    {"bot_state.json", "positions.json", "live_positions.json", "market.json", "control.json", "KILL", "bot.lock",
     "control.lock", "audit.jsonl", "live_permission.json", "folder_id.json"}
)  # fmt: skip
_FOLDERS = frozenset(
    {"logs", "sim", "dashboard", "research", "backups", "bots", "watch", "tape", "proof", "lost+found"}
)
_DATABASES = ("ledger", "market")
_DATABASE_ENDINGS = ("db", "db-wal", "db-shm")


@dataclass(frozen=True, slots=True)
class DataPaths:
    """The files of one bot. `root` is DATA_DIR (a second bot: DATA_DIR/bots/NAME).

    `flavour` keeps what was recorded or made up apart: lots of a replay mean nothing on another market.
    """

    root: Path
    flavour: str = ""  # "", "-replay" or "-paper"

    @property
    def state(self) -> Path:
        return self.root / "bot_state.json"

    @property
    def positions(self) -> Path:
        return self.root / "positions.json"

    @property
    def live_positions(self) -> Path:
        """The older name of positions.json, kept for scripts that read it."""
        return self.root / "live_positions.json"

    @property
    def ledger(self) -> Path:
        return self.root / f"ledger{self.flavour}.db"

    @property
    def market_db(self) -> Path:
        return self.root / f"market{self.flavour}.db"

    @property
    def tape(self) -> Path:
        """One file for each day that was recorded (`shared.tape`)."""
        return self.root / f"tape{self.flavour}"

    @property
    def market(self) -> Path:
        return self.root / "market.json"

    @property
    def control(self) -> Path:
        return self.root / "control.json"

    @property
    def kill(self) -> Path:
        return self.root / "KILL"

    @property
    def live_permission(self) -> Path:
        """What ./coin enable-live writes and the order gate asks for."""
        return self.root / "live_permission.json"

    @property
    def folder_id(self) -> Path:
        """The folder's own id, and what a copy of it cannot carry (`shared.folder_identity`)."""
        return self.root / "folder_id.json"

    @property
    def bot_lock(self) -> Path:
        return self.root / "bot.lock"

    @property
    def control_lock(self) -> Path:
        return self.root / "control.lock"

    @property
    def audit(self) -> Path:
        return self.root / "audit.jsonl"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def dashboard(self) -> Path:
        """The dashboard's own secrets: session key, hashed login links and bearer tokens."""
        return self.root / "dashboard"

    @property
    def sim(self) -> Path:
        """COIN-SIM's own files: certificate, keys, account."""
        return self.root / "sim"

    def names_own(self, name: str) -> bool:
        """True for the name of a file that one of the processes writes there."""
        stem, _, ending = name.partition(".")
        return (ending in _DATABASE_ENDINGS and stem.partition("-")[0] in _DATABASES) or name in _FILES

    def foreign(self) -> str | None:
        """Something of others in the folder that is to be the data folder; None = it is ours, or may become ours.

        Ours: it lies in the project folder, or holds a file of ours, or nothing but folders of ours and hidden files.
        """
        if not self.root.is_dir() or self.root.resolve().is_relative_to(ROOT):
            return None
        found = sorted(self.root.iterdir())
        if any(self.names_own(path.name) for path in found):
            return None
        others = (path for path in found if path.name.partition("-")[0] not in _FOLDERS or not path.is_dir())
        return next((path.name for path in others if not path.name.startswith(".")), None)

    def prepare(self) -> None:
        """Make the folders, 0700. Raises OSError."""
        for folder in (self.root, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chmod(folder, 0o700)
