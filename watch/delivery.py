"""Brings what is due to the sinks: a thread for each, so that a slow one holds up nothing else."""

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from watch.outbox import Outbox, QueuedMessage
from watch.sinks.sink import AlertSink, NotDelivered, SinkAnswer

log = logging.getLogger("delivery")


@dataclass(frozen=True, slots=True)
class SinkJob:
    entries: tuple[QueuedMessage, ...]
    reply_to: str | None


@dataclass(frozen=True, slots=True)
class SinkResult:
    """`answer` None: `error` says what came back instead."""

    sink: str
    job: SinkJob
    answer: SinkAnswer | None
    error: str = ""
    retry_after_s: float | None = None


class SinkWorker:
    """One sink's thread; it has at most one job. `sink` may be another one of that name from the next job on."""

    def __init__(self, sink: AlertSink, results: "queue.SimpleQueue[SinkResult]") -> None:
        self.sink = sink
        self.busy = False
        self._jobs: queue.SimpleQueue[SinkJob | None] = queue.SimpleQueue()
        self._results = results
        # A daemon: an end of the process does not wait for a server that does not answer; what it sent is sent again.
        threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True).start()

    def give(self, job: SinkJob) -> None:
        self.busy = True
        self._jobs.put(job)

    def end(self) -> None:
        """After the job that it has."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._results.put(carried_out(self.sink, job))


def carried_out(sink: AlertSink, job: SinkJob) -> SinkResult:
    """Send it. Whatever a sink raises is what came back."""
    try:
        answer = sink.send([entry.message for entry in job.entries], job.reply_to)
    except NotDelivered as error:
        return SinkResult(sink.name, job, None, str(error), error.retry_after_s)
    except Exception as error:  # another program's library: its trouble must not end the watch
        # Its text may hold an address, which is a secret: the type alone is told.
        log.error("sink.failed sink=%s error=%s", sink.name, type(error).__name__)
        return SinkResult(sink.name, job, None, f"the sink failed: {type(error).__name__}")
    return SinkResult(sink.name, job, answer)


class SinkDelivery:
    """Hands out what is due, and takes in what came back. Called by the watch's own thread alone."""

    def __init__(self, sinks: Sequence[AlertSink], outbox: Outbox) -> None:
        self._outbox = outbox
        self._results: queue.SimpleQueue[SinkResult] = queue.SimpleQueue()
        self._workers = {sink.name: SinkWorker(sink, self._results) for sink in sinks}

    def use(self, sinks: Sequence[AlertSink]) -> None:
        """These sinks from now on. What is on its way arrives by the sink that has it."""
        wanted = {sink.name: sink for sink in sinks}
        for name in self._workers.keys() - wanted.keys():
            self._workers.pop(name).end()
        for name, sink in wanted.items():
            if name in self._workers:
                self._workers[name].sink = sink
            else:
                self._workers[name] = SinkWorker(sink, self._results)

    def collect(self, now_ms: int) -> list[QueuedMessage]:
        """What came back since the last call; the entries that changed by it."""
        changed: list[QueuedMessage] = []
        while True:
            try:
                result = self._results.get_nowait()
            except queue.Empty:
                return changed
            worker = self._workers.get(result.sink)
            if worker is not None:
                worker.busy = False
            changed += self._taken_in(result, now_ms)

    def hand_out(self, now_ms: int) -> None:
        """Give each idle sink what is due."""
        for name, worker in self._workers.items():
            if worker.busy:
                continue
            due = self._outbox.due(name, now_ms)
            if due:
                first = due[0].message
                reply_to = self._outbox.reference(name, first.alert) if len(due) == 1 and first.alert else None
                worker.give(SinkJob(tuple(due), reply_to))

    def _taken_in(self, result: SinkResult, now_ms: int) -> list[QueuedMessage]:
        numbers = ",".join(str(entry.message.number) for entry in result.job.entries)
        if result.answer is not None:
            log.info("message.sent sink=%s numbers=%s answer=%s", result.sink, numbers, result.answer.text)
            return self._outbox.sent(result.job.entries, now_ms, result.answer.text, result.answer.reference)
        log.warning("message.failed sink=%s numbers=%s answer=%s", result.sink, numbers, result.error)
        return self._outbox.failed(result.job.entries, now_ms, result.error, result.retry_after_s)
