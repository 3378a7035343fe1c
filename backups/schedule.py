"""What is due: a backup each `BACKUP_EVERY_H`, a drill of the newest one each `BACKUP_DRILL_DAYS`; old ones go."""

from dataclasses import dataclass
from pathlib import Path

from backups.record import BackupRecord
from shared.setting_table import Settings

AGAIN_MS = 3_600_000  # a try that failed is made again after an hour
AUTO = "auto-"  # only archives of the schedule are ever removed


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours between backups and days between drills, 0 = never; how many archives are kept."""

    every_h: float
    keep: int
    drill_days: float

    @classmethod
    def of(cls, settings: Settings) -> "Schedule":
        """BACKUP_EVERY_H, BACKUP_KEEP, BACKUP_DRILL_DAYS."""
        return cls(settings.backup_every_h, settings.backup_keep, settings.backup_drill_days)

    def backup_due(self, record: BackupRecord, now_ms: int) -> bool:
        return _due(self.every_h * 3_600_000, record.made_ms, record.tried_ms, now_ms)

    def drill_due(self, record: BackupRecord, now_ms: int) -> bool:
        """Only of an archive that was made since the last one: the same would be found again."""
        if record.made_ms is None or (record.drilled_ms is not None and record.drilled_ms >= record.made_ms):
            return False
        return _due(self.drill_days * 86_400_000, record.drilled_ms, record.drill_tried_ms, now_ms)


def _due(every_ms: float, done_ms: int | None, tried_ms: int | None, now_ms: int) -> bool:
    """A clock that went back must not put off a backup for years: times that lie ahead count as none."""
    if every_ms <= 0:
        return False
    done_ms = done_ms if done_ms is not None and done_ms <= now_ms else None
    tried_ms = tried_ms if tried_ms is not None and tried_ms <= now_ms else None
    if tried_ms is not None and (done_ms is None or tried_ms > done_ms) and now_ms - tried_ms < AGAIN_MS:
        return False
    return done_ms is None or now_ms - done_ms >= every_ms


def forget(folder: Path, keep: int) -> list[Path]:
    """Remove the schedule's oldest archives beyond `keep`; the answer is which."""
    found = sorted(folder.glob(f"{AUTO}*.tar.gz"), key=lambda path: path.name)
    gone = found[: max(0, len(found) - max(1, keep))]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone
