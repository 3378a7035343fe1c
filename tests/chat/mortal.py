"""`python -m tests.chat.mortal FOLDER URL TOKEN PLACE`: COIN-CHAT that dies as by kill -9, `before` or `after` it
writes control.json for the first time."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

from chat import bot_link
from chat.handed import ChatHandover
from chat.process import ChatProcess
from chat.telegram import TelegramChat
from shared.chat_settings import ChatRole
from shared.control import send
from shared.paths import DataPaths


def main(folder: str, url: str, token: str, place: str) -> None:
    def mortal(*given: Any, **named: Any) -> Any:
        if place == "before":
            os._exit(9)
        send(*given, **named)
        os._exit(9)

    bot_link.send = mortal
    paths = DataPaths(Path(folder))
    paths.chat.mkdir(mode=0o700, exist_ok=True)
    handed = ChatHandover(
        data_dir=folder, log_level="INFO", users={"telegram:111": ChatRole.OPERATOR}, telegram_token=token
    )
    ChatProcess(handed, paths, [TelegramChat(token, "", url, poll_s=1)]).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:5])
