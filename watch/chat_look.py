"""Looks at what COIN-CHAT says of itself."""

from shared.documents.chat import decode_chat
from shared.files import TolerantReader
from shared.paths import DataPaths
from watch.observations import ChatObservation


class ChatLook:
    """Where CHAT_USERS is set. What was written before this watch began is no news of a process that is gone."""

    def __init__(self, paths: DataPaths, mono_s: float) -> None:
        self._reader = TolerantReader(paths.chat_state, decode_chat)
        self._began_s = mono_s

    def look(self, now_ms: int, mono_s: float) -> ChatObservation:
        document = self._reader.look().value
        watched_s = mono_s - self._began_s
        silent_s = watched_s if document is None else max(0.0, min((now_ms - document.ts_ms) / 1000, watched_s))
        return ChatObservation(document, silent_s)
