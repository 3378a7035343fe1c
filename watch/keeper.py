"""Keeps what changed until it is on the disk. Where the disk takes nothing, alerts are told all the same."""

import logging
from collections.abc import Iterable, Mapping

from shared.documents.alert_life import AlertChange, FeedCountsDoc
from watch.alert_book import Alert
from watch.alert_store import AlertStore, AlertStoreError, StoredAlerts
from watch.messages import AlertMessage
from watch.outbox import QueuedMessage

log = logging.getLogger("keeper")
RETRY_MS = 5_000
PRUNE_MS = 3_600_000
MOST_CHANGES = 10_000  # that wait for a disk that takes nothing


class Keeper:
    """`error`: why the newest changes are in memory alone; None = all of it is on the disk."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store
        self._alerts: dict[int, Alert] = {}
        self._messages: dict[int, AlertMessage] = {}
        self._queue: dict[tuple[int, str], QueuedMessage] = {}
        self._facts: dict[str, bytes] = {}
        self._changes: list[AlertChange] = []
        self._feeds: dict[int, FeedCountsDoc] = {}
        self._retry_ms = 0
        self._pruned_ms = 0
        self.error: str | None = None

    def load(self, now_ms: int) -> StoredAlerts:
        """What the last run left; a file that was damaged is put aside, and what it held is lost."""
        for _ in range(2):
            try:
                return self._store.load(now_ms)
            except AlertStoreError as error:
                log.error("store.failed error=%s", error)
                self.error = str(error)
        # Unique for ever, also beside what the file holds.
        return StoredAlerts(next_alert=now_ms // 1000, next_message=now_ms // 1000)

    def close(self) -> None:
        """Let go of the file; the next `write` opens it again."""
        self._store.close()

    def keep(
        self,
        alerts: Iterable[Alert] = (),
        messages: Iterable[AlertMessage] = (),
        queue: Iterable[QueuedMessage] = (),
        facts: Mapping[str, bytes] | None = None,
        changes: Iterable[AlertChange] = (),
        feeds: Iterable[FeedCountsDoc] = (),
    ) -> None:
        """Remember what is to be kept with the next `write`."""
        self._alerts |= {alert.number: alert for alert in alerts}
        self._messages |= {message.number: message for message in messages}
        self._queue |= {entry.key: entry for entry in queue}
        self._facts |= facts or {}
        self._changes = [*self._changes, *changes][-MOST_CHANGES:]
        self._feeds |= {feed.alert: feed for feed in feeds}

    def write(self, now_ms: int) -> None:
        """One commit of all that changed; tried again later where it fails. Never raises."""
        dirty = self._alerts or self._messages or self._queue or self._facts or self._changes or self._feeds
        prune = now_ms - self._pruned_ms >= PRUNE_MS
        if not (dirty or prune or self.error) or now_ms < self._retry_ms:
            return
        try:
            self._store.save(
                self._alerts.values(),
                self._messages.values(),
                self._queue.values(),
                self._facts,
                self._changes,
                self._feeds.values(),
            )
            if prune:
                self._store.prune(now_ms)
                self._pruned_ms = now_ms
        except AlertStoreError as error:
            if self.error is None:
                log.error("store.failed error=%s", error)
            self.error, self._retry_ms = str(error), now_ms + RETRY_MS
            return
        if self.error is not None:
            log.info("store.recovered")
        self.error, self._retry_ms = None, 0
        for kept in (self._alerts, self._messages, self._queue, self._facts, self._feeds):
            kept.clear()
        self._changes = []
