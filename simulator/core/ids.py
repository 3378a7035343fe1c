"""Ids from a counter and a seed: equal runs give equal ids, and no two alike."""

import hashlib
import uuid


class Ids:
    """UUIDs and hex ids in a fixed sequence for each seed."""

    def __init__(self, seed: str, start: int = 0) -> None:
        self._seed = seed
        self.count = start

    def _bytes(self, kind: str) -> bytes:
        self.count += 1
        return hashlib.sha256(f"{self._seed}/{kind}/{self.count}".encode()).digest()

    def uuid(self, kind: str) -> str:
        return str(uuid.UUID(bytes=self._bytes(kind)[:16], version=4))

    def hex64(self, kind: str) -> str:
        return self._bytes(kind).hex()
