"""What every command needs first: the settings and the folders, or a clear refusal."""

import os
from pathlib import Path

from cli import ui
from shared import data_folder, settings
from shared.data_folder import FolderRefused
from shared.exits import Exit
from shared.paths import DataPaths

EXIT_CONFIG = Exit.SETTINGS


def loaded() -> settings.Loaded:
    """The effective settings; ends with code 78 and every problem where they don't hold."""
    try:
        return settings.load()
    except settings.SettingsError as error:
        head, *rest = error.problems
        ui.give_up(
            f"Settings: {head}",
            *rest,
            "Nothing was started. Settings are read from .env and the shell.",
            code=EXIT_CONFIG,
        )


def data_paths() -> DataPaths:
    """The data folder's paths, also where other settings are wrong: status, logs and kill must work then, too."""
    try:
        return settings.load().settings.paths
    except settings.SettingsError:
        return settings.paths_anyway()


def from_callers_folder(path: Path) -> Path:
    """`path` as the caller meant it: the script `coin` changes into the project folder before it hands over."""
    return Path(os.environ.get("COIN_CWD", ".")) / path.expanduser()


def own_folder(paths: DataPaths) -> None:
    """Make the data folder, or find it ours; ends with code 78 and the way out where it is not."""
    try:
        paths.prepare()
    except FolderRefused as error:
        ui.give_up(str(error), *error.ways, code=EXIT_CONFIG)
    except OSError as error:
        ui.give_up(
            f"The data folder {paths.root} can't be used: {error.strerror or error}",
            f"Make it writable (chown -R $(id -un) '{paths.root}'), or set DATA_DIR to another folder.",
            code=EXIT_CONFIG,
        )


def refuse_foreign(paths: DataPaths) -> None:
    """End with code 78 where the folder is another user's: what we write there, that user's bot could not read."""
    if data_folder.is_foreign(paths.root):
        owner = data_folder.user_name(paths.root.stat().st_uid)
        ui.give_up(
            f"{paths.root} belongs to the user {owner}: run commands for its bot as that user.",
            f"sudo -u {owner} ./coin …   (./coin kill works from here, too)",
            code=EXIT_CONFIG,
        )
