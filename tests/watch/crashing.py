"""`python -m tests.watch.crashing FOLDER URL CRASH`: a watch that dies before or after its CRASH-th commit or delivery.

A history of findings is played to it, one step for each run of a counter in the folder, so that a later process goes on
where the dead one was. Exit code 0: the whole history was played and everything was delivered.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from shared.documents.alerts import AlertSeverity
from watch.alert_book import AlertBook, HeldFinding
from watch.alert_store import AlertStore
from watch.delivery import SinkDelivery
from watch.keeper import Keeper
from watch.messages import AlertMessage
from watch.outbox import Outbox
from watch.sinks.sink import SinkAnswer
from watch.sinks.webhook import JsonWebhook

C, W = AlertSeverity.CRITICAL, AlertSeverity.WARNING
T0 = 1_800_000_000_000
# What is bad in each step; the rest is well. Some minutes lie between them.
HISTORY: tuple[tuple[str, ...], ...] = (("a",), ("a", "b"), (), (), ("b",), ("b", "c"), ("c",), (), ())
STEP_MS = 290_000  # below the first pause of repeats
LIMIT_S = 20.0


class Mortal:
    """Counts the places at which a crash can strike, and dies at the chosen one, as kill -9 would."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def here(self) -> None:
        self.count += 1
        if self.count == self.at:
            os._exit(9)


class MortalStore(AlertStore):
    def __init__(self, path: Path, mortal: Mortal) -> None:
        super().__init__(path)
        self._mortal = mortal

    def save(self, *given: object, **named: object) -> None:
        self._mortal.here()  # before the commit
        super().save(*given, **named)  # type: ignore[arg-type]
        self._mortal.here()  # after it


class MortalSink(JsonWebhook):
    def __init__(self, url: str, mortal: Mortal) -> None:
        super().__init__(url)
        self._mortal = mortal

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:
        self._mortal.here()  # before it is sent
        answer = super().send(messages, reply_to)
        self._mortal.here()  # sent, and nobody knows
        return answer


def step_of(folder: Path) -> int:
    try:
        return int((folder / "step").read_text())
    except FileNotFoundError:
        return 0


def main(folder: Path, url: str, crash: int) -> int:
    mortal = Mortal(crash)
    keeper, sink = Keeper(MortalStore(folder / "alerts.db", mortal)), MortalSink(url, mortal)
    step = step_of(folder)
    stored = keeper.load(T0 + step * STEP_MS)
    book = AlertBook(stored.alerts, next_alert=stored.next_alert, next_message=stored.next_message)
    outbox = Outbox([(sink.name, W)], None, stored.queue)
    delivery = SinkDelivery([sink], outbox)
    until_s = time.monotonic() + LIMIT_S
    while step < len(HISTORY) or outbox.waiting(sink.name):
        assert time.monotonic() < until_s, "it does not get on"
        now_ms = T0 + min(step, len(HISTORY)) * STEP_MS + (STEP_MS // 2 if step >= len(HISTORY) else 0)
        keeper.keep(queue=delivery.collect(now_ms))
        bad = HISTORY[step] if step < len(HISTORY) else ()
        found = [HeldFinding("r", name, f"cause.{name}", C if name == "a" else W, f"{name} is bad", "") for name in bad]
        result = book.step(found, {("r", name) for name in "abc" if name not in bad}, now_ms)
        keeper.keep(result.changed, result.messages, outbox.add(result.messages, now_ms))
        keeper.write(now_ms)
        assert keeper.error is None, keeper.error
        delivery.hand_out(now_ms)
        if not outbox.waiting(sink.name) and step < len(HISTORY):
            step += 1
            (folder / "step").write_text(str(step))
        time.sleep(0.002)
    keeper.write(T0 + step * STEP_MS)
    sys.stdout.write(f"{mortal.count}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
