"""`python -m tests.chat.chatter`: COIN-CHAT with the .env that CHAT_ENV names, against the servers that TELEGRAM_API
and SLACK_API name: no secret comes from elsewhere, and nothing leaves this machine."""

import os
import sys
from pathlib import Path

from chat.handover import main

if __name__ == "__main__":
    sys.exit(main(Path(os.environ["CHAT_ENV"]), telegram_api=os.environ.get("TELEGRAM_API"),
                  slack_api=os.environ.get("SLACK_API")))  # fmt: skip
