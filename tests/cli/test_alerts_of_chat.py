"""`./coin alerts` says whether commands from a chat are heard, and who was refused."""

import os
import time

from shared.documents.alerts import AlertsDoc, encode_alerts
from shared.documents.chat import ChatDoc, ChatLink, ChatPlatformDoc, ChatRefusalDoc, encode_chat
from shared.paths import DataPaths
from tests.cli.conftest import Coin


def publish(paths: DataPaths, link: ChatLink, age_s: float = 0.0) -> None:
    now_ms = round(time.time() * 1000)
    watched = AlertsDoc(
        ts_ms=now_ms + 60_000, seq=1, pid=os.getpid(), started_ms=0, build="x", enabled=True, bots=["main"], firing=[],
        resolved=[], rules=[], sinks=[],
    )  # fmt: skip
    paths.alerts.write_bytes(encode_alerts(watched))
    platform = ChatPlatformDoc(name="telegram", link=link, since_ms=now_ms, answer="409 Conflict")
    refusal = ChatRefusalDoc(person="telegram:3", name="@eve", what="kill", at_ms=now_ms)
    chat = ChatDoc(
        ts_ms=now_ms - round(age_s * 1000), pid=1, started_ms=0, build="x", viewers=0, operators=1,
        platforms=[platform], refusals=[refusal], store_error="chat.db: disk is full",
    )  # fmt: skip
    paths.chat.mkdir(exist_ok=True)
    paths.chat_state.write_bytes(encode_chat(chat))


def test_what_is_known_of_chat(coin: Coin, paths: DataPaths) -> None:
    publish(paths, ChatLink.FAILING)
    said = coin("alerts").stdout
    assert "Commands from telegram: failing: 409 Conflict (1 operator, 0 viewers)" in said
    assert "@eve (telegram:3) was refused kill" in said
    assert "COIN-CHAT takes only kill, stop and pause: chat.db: disk is full" in said
    publish(paths, ChatLink.CONNECTED, age_s=600.0)
    said = coin("alerts").stdout
    assert "COIN-CHAT does not run, since 10 min" in said and "@eve" not in said
    paths.chat_state.write_text("{")
    assert "chat.json cannot be read" in coin("alerts").stdout
    paths.chat_state.unlink()
    assert "chat" not in coin("alerts").stdout.lower()
