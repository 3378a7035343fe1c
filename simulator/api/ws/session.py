"""One stream connection: what it subscribed to, its number, what it is owed. No socket: text in, text out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.api.ws.frames import Envelope
from simulator.core.faults import Fault, Faults

FIRST_SUBSCRIBE_US = 5_000_000
QUIET_US = 90_000_000


@dataclass(slots=True, eq=False)
class StreamSession:
    """A connection. `out` are texts to send; `close_code` is set when the connection is to end."""

    opened_us: int
    envelope: Envelope
    faults: Faults
    wake: Callable[[], None] = lambda: None  # tells the transport that there is something to send
    number: int = 0
    subscriptions: dict[str, dict[str, None]] = field(default_factory=dict)
    portfolio: str = ""  # of the key that subscribed the user channel
    futures: dict[str, Any] | None = None  # the futures balance that it was told last
    out: list[str] = field(default_factory=list)
    close_code: int | None = None
    dead: bool = False  # a fault: accepts all, sends nothing
    last_sent_us: int = 0
    held: str | None = None  # a fault: a message that waits for its successor
    delayed: list[tuple[int, str, str]] = field(default_factory=list)  # (due, channel, events)
    client: str = ""  # where it comes from: the limit of unsigned messages is shared by all streams from there

    @property
    def open(self) -> bool:
        return self.close_code is None

    def close(self, code: int) -> None:
        if self.close_code is None:
            self.close_code = code
            self.wake()

    def raw(self, text: str) -> None:
        """A frame outside the numbering: errors."""
        if not self.dead and self.open:
            self.out.append(text)
            self.wake()

    def send(self, channel: str, head: str, events: str, now_us: int) -> None:
        """A numbered frame, through the faults."""
        if self.dead or not self.open:
            return
        self.last_sent_us = now_us
        if self.faults.armed:
            self._send_faulty(channel, head, events, now_us)
        else:
            self.out.append(f'{head}{self.number},"events":{events}}}')
            self.number += 1
        self.wake()

    def _send_faulty(self, channel: str, head: str, events: str, now_us: int) -> None:
        strike = self.faults.strike
        if strike(Fault.SILENT_DEATH, now_us, channel):
            self.dead = True
            return
        if closing := strike(Fault.WS_CLOSE, now_us, channel):
            self.close(int(closing.number("code", 1001)))
            return
        if gap := strike(Fault.SEQUENCE_GAP, now_us, channel):
            self.number += int(gap.number("jump", 1))
        text = Envelope.whole(head, self.number, events)
        self.number += 1
        if strike(Fault.DROP_MESSAGE, now_us, channel):
            return
        if self.held is None and strike(Fault.REORDER_MESSAGE, now_us, channel):
            self.held = text
            return
        self.out.append(text)
        if strike(Fault.DOUBLE_MESSAGE, now_us, channel):
            self.out.append(text)
        if self.held is not None:
            self.out.append(self.held)
            self.held = None

    def take_out(self) -> list[str]:
        """What is to be sent now; the caller sends it."""
        out, self.out = self.out, []
        return out
