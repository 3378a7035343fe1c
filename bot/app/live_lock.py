"""The live lock as the bot sees it: read anew before every live order, and once a second for the page.

Two questions. Entries need a valid permission. Sales of own lots need an adopted data folder, and nothing else:
an absent, ended, voided or malformed permission leaves no lot without its stop.
"""

from collections.abc import Callable
from dataclasses import replace

from bot.app.folder import WAY_OUT, Folder
from bot.domain.kinds import Purpose
from bot.venues.port import ApiKey
from shared import live_permission
from shared.live_permission import PermissionTerms
from shared.ports import Clock, Fs
from shared.settings import Mode, Settings
from shared.times import epoch_ms, from_epoch_ms, iso_seconds

UNJUDGED = Folder()
FOLDER = "the data folder is not adopted"


class LiveLock:
    """Why live orders must not be sent now."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        fs: Fs,
        key: Callable[[], ApiKey | None],
        offset_ms: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`offset_ms`: what the exchange's clock is ahead of ours; None = not known yet."""
        self._offset_ms = offset_ms
        self._settings, self._clock, self._fs, self._key = settings, clock, fs, key
        self._live = settings.coin_mode is Mode.LIVE
        self.folder = UNJUDGED
        self._terms: PermissionTerms | None = None

    @property
    def is_judged(self) -> bool:
        """Whether the folder was looked at yet."""
        return self.folder is not UNJUDGED

    def judged(self, folder: Folder) -> None:
        """The folder is known now. What runs is what was read at the start: its terms are taken once."""
        self.folder = folder
        self._terms = live_permission.terms(self._settings, folder.folder) if self._live else None

    def resettled(self, settings: Settings) -> None:
        """Settings changed while it runs: the permission must fit the new ones, with the files as read at the start."""
        self._settings = settings
        if self._terms is not None:
            self._terms = replace(self._terms, settings=live_permission.bound_values(settings))

    def refusal(self, purpose: Purpose) -> str | None:
        """Why an order for this purpose must not be sent; None = it may, or this is not live."""
        return self.reason() if purpose is Purpose.ENTRY else self.sales()

    def sales(self) -> str | None:
        """Why nothing may be sent at all."""
        if not self._live or self.folder.problem is None:
            return None
        return f"{FOLDER}: {self.folder.problem}; {WAY_OUT}"

    def reason(self) -> str | None:
        """Why entries are locked. Never raises: doubt locks."""
        return self._reason(self._data()) if self._live else None

    def _reason(self, data: bytes | None) -> str | None:
        if self.sales() is not None:
            return self.sales()
        key = self._key()
        if key is None or self._terms is None:
            return "no key yet"
        try:
            # By the exchange's clock: one that is set back gives nobody a longer permission.
            now_ms = epoch_ms(self._clock.utc()) + (self._offset_ms() or 0)
            return live_permission.problem(data, self._terms, key.name, key.secret, now_ms)
        except Exception as error:
            return f"the permission cannot be judged ({type(error).__name__})"

    def voided_by(self, settings: Settings) -> list[str]:
        """What a restart with these settings would change of the permission that is there."""
        return live_permission.voided_by(self._data(), settings) if settings.coin_mode is Mode.LIVE else []

    def text(self, lots: int) -> str | None:
        """For the state file; `lots`: how many are open. None = not live."""
        if not self._live:
            return None
        if self._settings.dry_run:
            return "locked: DRY_RUN is on"
        if self.sales() is not None:
            return f"locked: {self.sales()}"
        data = self._data()  # read once: a person may remove it at any time
        reason = self._reason(data)
        if reason is not None and lots:
            exits = f"exits of {lots} open {'lot' if lots == 1 else 'lots'} go on"
            return f"entries locked: {reason}; {exits}; ./coin enable-live"
        if reason is not None:
            return f"locked: {reason}; ./coin enable-live"
        assert data is not None
        return f"open until {iso_seconds(from_epoch_ms(live_permission.read(data).expires_ms))}"

    def _data(self) -> bytes | None:
        try:
            return self._fs.read_bytes(self._settings.paths.live_permission)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever cannot be read is no permission
            return str(error).encode(errors="replace")
