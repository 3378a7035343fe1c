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
    def sentinel_sales(self) -> Path:
        """What the sentinel began to sell for this bot (`shared.sentinel_sales`)."""
        return self.root / "sentinel_sales.json"

    @property
    def backups(self) -> Path:
        """Archives of `./coin backup` and of the schedule, and what became of the last ones."""
        return self.root / "backups"

    @property
    def reports(self) -> Path:
        """Daily and weekly reports as they were told."""
        return self.root / "reports"

    @property
    def dashboard(self) -> Path:
        """The dashboard's own secrets: session key, hashed login links and bearer tokens."""
        return self.root / "dashboard"

    @property
    def notes(self) -> Path:
        """What people wrote about lots; the dashboard's own, no part of the ledger."""
        return self.root / "notes.db"

    @property
    def alerts(self) -> Path:
        """What COIN-WATCH publishes: one file for all bots of this folder."""
        return self.root / "alerts.json"

    @property
    def watch(self) -> Path:
        """COIN-WATCH's own files: its alerts, its queue, its lock."""
        return self.root / "watch"

    @property
    def alert_requests(self) -> Path:
        """What a person asks of COIN-WATCH (`shared.alert_requests`)."""
        return self.watch / "requests"

    @property
    def chat(self) -> Path:
        """COIN-CHAT's own files: what it was asked, what it asked back, its lock, `chat.json`."""
        return self.root / "chat"

    @property
    def chat_state(self) -> Path:
        """What COIN-CHAT says of itself."""
        return self.chat / "chat.json"

    @property
    def monitoring(self) -> Path:
        """Files of Prometheus and Alertmanager, where ./coin monitoring runs them."""
        return self.root / "monitoring"

    @property
    def host_is_told(self) -> Path:
        """There while Alertmanager has a sink of its own: it tells of the machine then, and COIN-WATCH does not."""
        return self.monitoring / "tells_of_the_host"

    @property
    def models(self) -> Path:
        """Trained models, their states, and what models in shadow answered (`shared.models`)."""
        return self.root / "models"

    @property
    def lab(self) -> Path:
        """What is asked of COIN-LAB and what it answers (`shared.lab_files`)."""
        return self.root / "lab"

    @property
    def sim(self) -> Path:
        """COIN-SIM's own files: certificate, keys, account."""
        return self.root / "sim"

    def prepare(self) -> None:
        """Make the folders, 0700, and mark them as ours. Raises FolderRefused where they are not, and OSError."""
        data_folder.prepare(self.root, self.logs)
