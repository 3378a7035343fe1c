"""What happens to stream frames between the exchange and the bot."""

from collections.abc import Iterator
from typing import Any

import orjson

from simtest.faults import FaultInjector

GARBAGE = (
    "", "{", "null", "[]", "17", '{"channel":"ticker"}',
    '{"channel":"user","sequence_num":0,"events":[{"orders":[{}]}]}',
    '{"channel":"ticker","sequence_num":"x","events":null}', '{"type":"error","message":"authentication failure"}',
)  # fmt: skip


class FrameFaults:
    """The faults of one connection. A frame that the exchange never sent leaves no gap in the sequence numbers."""

    def __init__(self, faults: FaultInjector, name: str) -> None:
        self._faults, self.name = faults, name
        self._hidden = 0
        self._dead = False
        self.gap = False  # a frame was lost, and the next one shows it

    def learn(self, message: str) -> None:
        """Learn from the client's subscription which connection this is."""
        channel = orjson.loads(message).get("channel")
        if channel in ("user", "ticker"):
            self.name = "user" if channel == "user" else "market"

    def apply(self, text: str) -> Iterator[tuple[int, str | None]]:
        """(extra delay in us, frame) for each frame that gets through; None = the connection breaks."""
        faults, name = self._faults, self.name
        if self._dead or faults.open("ws_silent", name):
            # A silent connection stays silent; only a new one recovers.
            self._dead = True
            faults.count("ws_silent", name)
            return
        if faults.strike("ws_cut", name):
            yield 0, None
            return
        if faults.strike("ws_gap", name):
            self.gap = True
            return
        if name == "user" and '"type":"update"' in text and faults.strike("ws_hide", name):
            self._hidden += 1
            return
        if self._hidden or faults.open("ws_mute_product", name) or faults.open("ws_price", name):
            changed = self._rewritten(text)
            if changed is None:
                return
            text = changed
        if garbage := faults.strike("ws_garbage", name):
            yield 0, GARBAGE[garbage[1].randrange(len(GARBAGE))]
            return
        late = faults.strike("ws_late", name)
        late_us = round(late[1].uniform(0.05, late[0].arg) * 1e6) if late else 0
        yield late_us, text
        if faults.strike("ws_twice", name):
            yield late_us, text

    def _rewritten(self, text: str) -> str | None:
        faults, name = self._faults, self.name
        message = orjson.loads(text)
        if "sequence_num" not in message:
            return text
        if message["channel"] == "ticker" and faults.open("ws_mute_product", name):
            first = message["events"][0]["tickers"][0]["product_id"]
            if message["events"][0]["type"] == "update" and first in ("BTC-USD", "ETH-USD"):
                faults.count("ws_mute_product", name)
                self._hidden += 1
                return None
        message["sequence_num"] -= self._hidden
        if message["channel"] == "ticker" and (odd := faults.strike("ws_price", name)):
            _odd_price(message["events"][0]["tickers"][0], int(odd[0].arg + odd[1].randrange(6)) % 6)
        return orjson.dumps(message).decode()


def _odd_price(ticker: dict[str, Any], kind: int) -> None:
    """Replace the price by an impossible one."""
    match kind:
        case 0:
            ticker["price"] = "0"
        case 1:
            ticker["price"] = "-5"
        case 2:
            ticker["price"] = "1000000000000"
        case 3:  # crossed
            ticker["best_bid"], ticker["best_ask"] = ticker["best_ask"], ticker["best_bid"]
        case 4:
            ticker["best_ask"] = ""
        case _:
            ticker["price"] = "NaN"
