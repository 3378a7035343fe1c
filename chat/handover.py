"""The first half of `python -m chat`: reads the settings, and hands on what chat needs by an exec.

`.env` may hold the trading key. The process that listens to the world is another program image, which gets a list of
users, the platforms' tokens and the folder over a pipe: the key was never in its memory.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import msgspec

from chat.handed import ChatHandover, as_handed_on
from shared import settings as settings_module
from shared.bots import CHAT
from shared.chat_settings import chat_platforms, chat_problems, parse_chat_users
from shared.data_folder import FolderRefused
from shared.exits import Exit
from shared.files import stat_key
from shared.paths import ROOT
from shared.settings import SettingsError


def main(env_file: Path | None = None, *, telegram_api: str | None = None, slack_api: str | None = None) -> int:
    """Does not return where the settings hold. Exit 78: they do not, or nobody may use the chat."""
    found = _read(env_file)
    if not isinstance(found, ChatHandover):
        return _refused(*found)
    if not found.users:
        return _refused("CHAT_USERS is empty: nobody may use it")
    try:
        command = as_handed_on(replace(found, telegram_api=telegram_api, slack_api=slack_api))
    except ValueError as error:
        return _refused(str(error))
    return os.execv(command[0], command)  # noqa: S606


def read_out(env_file: Path) -> int:
    """Print what `env_file` says now, for a COIN-CHAT that runs. That nobody may use it any more is an answer, too."""
    found = _read(env_file)
    if not isinstance(found, ChatHandover):
        return _refused(*found)
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return Exit.DONE


def _read(env_file: Path | None) -> ChatHandover | list[str]:
    """What is handed on, or what is wrong, a line each. The folder is there afterwards."""
    path = env_file if env_file is not None else ROOT / ".env"
    key = _key(path)  # before it is read: a change while it is read is seen as one
    try:
        settings = settings_module.load(path).settings
        settings.paths.prepare()
        settings.paths.chat.mkdir(mode=0o700, exist_ok=True)
    except SettingsError as error:
        return error.problems
    except FolderRefused as error:
        return ["\n      ".join((str(error), *error.ways))]
    except OSError as error:
        return [f"the data folder cannot be used: {error.strerror}. Set DATA_DIR."]
    problems = chat_problems(settings)
    if problems:
        return problems
    wanted = chat_platforms(settings)
    return ChatHandover(
        data_dir=str(settings.paths.root),
        log_level=settings.log_level,
        users=parse_chat_users(settings.chat_users),
        telegram_token=settings.telegram_bot_token.reveal() if "telegram" in wanted else "",
        telegram_chat=settings.telegram_chat_id,
        slack_bot_token=settings.slack_bot_token.reveal() if "slack" in wanted else "",
        slack_app_token=settings.slack_app_token.reveal() if "slack" in wanted else "",
        slack_channel=settings.slack_channel_id,
        env_file=str(path),
        env_key=key,
    )


def _key(path: Path) -> tuple[int, int, int] | None:
    try:
        return stat_key(path)
    except OSError:
        return None


def _refused(*problems: str) -> int:
    for problem in problems:
        sys.stderr.write(f"{CHAT}: {problem}\n")
    return Exit.SETTINGS
