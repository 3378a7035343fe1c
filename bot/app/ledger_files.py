"""Whether the ledger that the bot writes is still the one that its path leads to.

SQLite goes on writing into files that were removed or replaced under it: all of that is lost when the process ends.
So each transaction looks first, at the cost of three stats, and refuses where a file is another one.
"""

from pathlib import Path

from shared.ledger.db import LedgerError
from shared.ports import Fs


class LedgerGone(LedgerError):
    """Nothing may be written: what is written would be lost. The text names the file and what became of it."""


class LedgerFiles:
    """`ledger.db` with its write-ahead log and the log's index, by inode, from when the writer had opened them."""

    def __init__(self, path: Path, fs: Fs) -> None:
        self._fs = fs
        self._paths = (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))
        self._inodes: dict[Path, int] = {}
        self.path = path
        self.gone()

    def gone(self) -> str | None:
        """What became of them, for a person; None = they are as they were."""
        for path in self._paths:
            try:
                key = self._fs.stat_key(path)
            except OSError as error:
                return f"{path.name} cannot be looked at ({error.strerror})"
            known = self._inodes.get(path)
            if known is None:  # the log comes with the first transaction, and stays while the writer is connected
                if key is not None:
                    self._inodes[path] = key[0]
                continue
            if key is None:
                return f"{path.name} was removed while the bot runs"
            if key[0] != known:
                return f"{path.name} was replaced by another file while the bot runs"
        return None

    def check(self) -> None:
        """Raises LedgerGone."""
        gone = self.gone()
        if gone is not None:
            raise LedgerGone(gone)
