"""Where a bot's ledger is: the file in its data folder, or a schema of a Postgres database (LEDGER_URL)."""

from dataclasses import dataclass
from pathlib import Path

from shared.setting_table import Secret, Settings


@dataclass(frozen=True, slots=True)
class LedgerLocation:
    """`path` is the SQLite file; with a `url` the ledger is in the schema `schema` of that database instead."""

    path: Path
    url: Secret = Secret("")
    schema: str = ""

    @property
    def on_server(self) -> bool:
        return bool(self.url)

    def __str__(self) -> str:
        return f"schema {self.schema} of the Postgres database" if self.on_server else self.path.name


def ledger_location(settings: Settings) -> LedgerLocation:
    """The ledger of these settings; each bot and each kind of recorded market has one of its own."""
    paths = settings.paths
    schema = f"cointrader_{settings.bot_name.lower()}{paths.flavour.replace('-', '_')}"
    return LedgerLocation(paths.ledger, settings.ledger_url, schema)
