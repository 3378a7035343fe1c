"""The dashboard's own log: `shared.logs`, and what of the web server's lines belongs into it."""

import logging
from pathlib import Path

from shared import logs
from shared.bots import DASHBOARD


def start(folder: Path, level: str, form: str = "text") -> None:
    """Log to `folder`/COIN.log and to stdout, there as text or json.

    A file that cannot be written is logged once, and no error.
    """
    logging.getLogger().handlers.clear()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        logging.getLogger("logs").error("log.open_failed path=%s error=%s", folder, error.strerror)
    logs.set_up(folder, DASHBOARD, level, form)
    # Requests are not logged: a login link's query must never stand in a file.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
