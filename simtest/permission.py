"""Live runs: a person who allows live entries, and how the permission ends."""

from dataclasses import replace
from random import Random

from bot.venues.coinbase.endpoints import Endpoints, endpoints
from shared import files, folder_identity, live_permission
from shared.lab_verdicts import GO, LabStanding
from shared.settings import Mode, Secret, Settings
from shared.times import epoch_ms
from simtest.plan import Act
from simtest.run_context import RunContext

AGAIN_US = 200_000
DAYS = 7.0
LAB = LabStanding(GO, "a verdict of the lab", "0" * 16)


def addresses(settings: Settings) -> Endpoints:
    """The simulator's, whatever the mode: a run never names another host."""
    return endpoints(replace(settings, coin_mode=Mode.SIM))


class PermissionActs:
    """The acts of `./coin enable-live`, `./coin disable-live`, expiry and damage."""

    def __init__(self, run: RunContext, settings: Settings) -> None:
        self._run, self._settings = run, settings
        self.acts = {"permit": self._permit, "permission_end": self._end}

    def _permit(self, _act: Act, _random: Random) -> None:
        self.permit()

    def permit(self) -> None:
        """Grant the permission as soon as the folder has its id, which the first start gives it."""
        run = self._run
        folder = folder_identity.look(run.paths).folder
        if folder is None:
            run.loop.event_queue.at(run.loop.now_us + AGAIN_US, self.permit)
            return
        self._write(self._granted(folder, self._settings), on=True)

    def _end(self, _act: Act, random: Random) -> None:
        """Revoked, expired, for other settings, or torn: each stops entries and nothing else."""
        folder = folder_identity.look(self._run.paths).folder or ""
        how = random.choice(("gone", "ended", "other settings", "torn", "another folder"))
        if how == "gone":
            self._run.paths.live_permission.unlink(missing_ok=True)
            self._note(on=False)
        elif how == "torn":
            self._write(self._granted(folder, self._settings)[:200], on=False)
        elif how == "ended":
            self._write(self._granted(folder, self._settings, ago_ms=8 * live_permission.DAY_MS), on=False)
        elif how == "another folder":
            self._write(self._granted("0" * 32, self._settings), on=False)
        else:
            self._write(self._granted(folder, replace(self._settings, reduce_only=True)), on=False)

    def _granted(self, folder: str, settings: Settings, ago_ms: int = 0) -> bytes:
        key = self._run.venue.key
        now_ms = epoch_ms(self._run.now()) - ago_ms
        terms = live_permission.terms(settings, folder)
        return live_permission.grant(terms, DAYS, key["name"], Secret(key["privateKey"]), now_ms, "a person", LAB)

    def _write(self, data: bytes, *, on: bool) -> None:
        files.write_whole(self._run.paths.live_permission, data, durable=False)
        self._note(on=on)

    def _note(self, *, on: bool) -> None:
        self._run.truth.permits.append({"us": self._run.loop.now_us, "on": on})
