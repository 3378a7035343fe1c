"""A plain stream client for tests."""

import json
import ssl
import time
from typing import Any

from coinbase.jwt_generator import build_ws_jwt
from websockets.sync.client import ClientConnection, connect

from tests.simulator.conftest import Sim


class Stream:
    """One connection; `read` gives frames in order."""

    def __init__(self, sim: Sim) -> None:
        context = ssl.create_default_context(cafile=sim.ca)
        self.socket: ClientConnection = connect(f"wss://{sim.host}/", ssl=context, max_size=None, open_timeout=5)
        self._key = sim.key()
        self.frames: list[dict[str, Any]] = []

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, kind: str, channel: str, products: list[str] | None = None, *, signed: bool = True) -> None:
        message: dict[str, Any] = {"type": kind, "channel": channel}
        if products is not None:
            message["product_ids"] = products
        if signed:
            message["jwt"] = build_ws_jwt(self._key["name"], self._key["privateKey"])
        self.socket.send(json.dumps(message))

    def subscribe(self, channel: str, products: list[str] | None = None) -> None:
        self.say("subscribe", channel, products)

    def read(self, timeout: float = 3.0) -> dict[str, Any]:
        """The next frame. Raises TimeoutError or ConnectionClosed."""
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        self.frames.append(frame)
        return frame

    def until(self, channel: str, timeout: float = 5.0) -> dict[str, Any]:
        """The next frame of a channel."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            frame = self.read(left)
            if frame.get("channel") == channel:
                return frame
        raise TimeoutError(channel)

    def for_seconds(self, seconds: float) -> list[dict[str, Any]]:
        """All frames of a span."""
        found = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                found.append(self.read(left))
            except TimeoutError:
                break
        return found
