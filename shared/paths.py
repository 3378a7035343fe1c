"""Where each file between the processes lies under the data folder."""

from dataclasses import dataclass
from pathlib import Path

from shared import data_folder

ROOT = data_folder.ROOT


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

    def prepare(self) -> None:
        """Make the folders, 0700, and mark them as ours. Raises FolderRefused where they are not, and OSError."""
        data_folder.prepare(self.root, self.logs)
