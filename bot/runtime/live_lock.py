"""The live lock as the bot sees it: read anew before every live order, and once a second for the page."""

from collections.abc import Callable

from bot.coinbase.keys import ApiKey
from shared import live_permission
from shared.files import Unreadable
from shared.seams import Clock, Fs
from shared.settings import Mode, Settings
from shared.times import epoch_ms, from_epoch_ms, iso_seconds


class LiveLock:
    """Why live orders must not be sent now."""

    def __init__(self, settings: Settings, clock: Clock, fs: Fs, key: Callable[[], ApiKey | None]) -> None:
        self._settings, self._clock, self._fs, self._key = settings, clock, fs, key

    def reason(self, *, reducing: bool = False) -> str | None:
        """None = they may, or this is not live. `reducing`: for sales of own lots. Never raises: doubt locks."""
        if self._settings.coin_mode is not Mode.LIVE:
            return None
        key = self._key()
        if key is None:
            return "no key yet"
        try:
            now_ms = epoch_ms(self._clock.utc())
            data = self._data()
            return live_permission.problem(data, self._settings, key.name, key.secret, now_ms, reducing=reducing)
        except Exception as error:
            return f"the permission cannot be judged ({type(error).__name__})"

    def text(self) -> str | None:
        """For the state file; None = not live."""
        if self._settings.coin_mode is not Mode.LIVE:
            return None
        if self._settings.dry_run:
            return "locked: DRY_RUN is on"
        reason = self.reason()
        if reason is not None:
            return f"locked: {reason}; ./coin enable-live"
        data = self._data()
        assert data is not None
        return f"open until {iso_seconds(from_epoch_ms(live_permission.read(data).expires_ms))}"

    def _data(self) -> bytes | None:
        try:
            return self._fs.read_bytes(self._settings.paths.live_permission)
        except FileNotFoundError:
            return None
        except (OSError, Unreadable) as error:
            return str(error).encode()
