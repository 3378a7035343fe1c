"""What is to be said on one platform, in which order and when: pacing, waits that the platform asks for, tries, ends.

Pure: the time is given. Of several edits of a message the newest alone is kept; an edit waits for its message's post.
"""

from dataclasses import dataclass, field

from chat.messages import MessageEdit, MessagePost, MessageRef, Said, Toast

PACE_S = 1.0  # both platforms take about one message a second in one chat
LONGEST_S = 600.0  # after which a message is given up
TOAST_S = 15.0  # after which nobody waits for a word about their button
FIRST_WAIT_S, MOST_WAIT_S = 1.0, 30.0
REFS_KEPT = 2_000
MOST_WAITING = 500


@dataclass(slots=True, eq=False)
class SayItem:
    """One of the queue; times are monotonic seconds."""

    said: Said
    until_s: float
    not_before_s: float = 0.0
    wait_s: float = FIRST_WAIT_S


@dataclass(slots=True)
class SayQueue:
    """`failed`: how many were given up."""

    failed: int = 0
    _items: list[SayItem] = field(default_factory=list)
    _refs: dict[int, MessageRef] = field(default_factory=dict)
    _last_s: dict[str, float] = field(default_factory=dict)  # chat → when something was said there
    _held_s: float = 0.0  # nothing is said before, as the platform asked for

    @property
    def waiting(self) -> int:
        return len(self._items)

    def add(self, said: Said, now_s: float) -> None:
        if isinstance(said, MessageEdit):
            if said.ref is not None:
                self._remember(said.number, said.ref)
            for item in self._items:
                if isinstance(item.said, MessageEdit) and item.said.number == said.number:
                    item.said = said
                    return
        if len(self._items) >= MOST_WAITING:
            self._items.pop(0)
            self.failed += 1
        self._items.append(SayItem(said, now_s + (TOAST_S if isinstance(said, Toast) else LONGEST_S)))

    def next(self, now_s: float) -> tuple[SayItem | None, float]:
        """(what is due now, 0), or (None, seconds until something may be)."""
        self._drop_old(now_s)
        wait_s = 60.0
        for item in sorted(self._items, key=lambda one: not isinstance(one.said, Toast)):
            due_s = self._due_s(item)
            if due_s is None:
                continue
            if due_s <= now_s:
                return item, 0.0
            wait_s = min(wait_s, due_s - now_s)
        return None, wait_s

    def ref_of(self, edit: MessageEdit) -> MessageRef:
        return self._refs[edit.number]

    def done(self, item: SayItem, said: Said, ref: MessageRef | None, now_s: float) -> None:
        """`said` was said; of a post, `ref` is how the platform names it. A newer edit that came meanwhile stays."""
        self._paced(item, now_s)
        if item.said is said and item in self._items:
            self._items.remove(item)
        if isinstance(said, MessagePost) and ref is not None:
            self._remember(said.number, ref)

    def later(self, item: SayItem, now_s: float, retry_after_s: float | None) -> None:
        """It did not work, and may later. `retry_after_s`: the platform's own wish, for all that is said there."""
        self._paced(item, now_s)
        if retry_after_s is not None:
            self._held_s = max(self._held_s, now_s + retry_after_s)
            item.until_s = max(item.until_s, self._held_s + LONGEST_S)
            return
        item.not_before_s, item.wait_s = now_s + item.wait_s, min(item.wait_s * 2, MOST_WAIT_S)

    def give_up(self, item: SayItem) -> None:
        """It will never work; nor will edits of a message that is not there."""
        if item not in self._items:
            return
        self.failed += 1
        self._items.remove(item)
        if isinstance(item.said, MessagePost):
            gone = item.said.number
            self._items = [
                one for one in self._items if not (isinstance(one.said, MessageEdit) and one.said.number == gone)
            ]

    def _due_s(self, item: SayItem) -> float | None:
        """None = it waits for its post."""
        chat = self._chat(item.said)
        if chat is None:
            return None
        paced_s = 0.0 if isinstance(item.said, Toast) else self._last_s.get(chat, -PACE_S) + PACE_S
        return max(item.not_before_s, self._held_s, paced_s)

    def _chat(self, said: Said) -> str | None:
        if isinstance(said, MessageEdit):
            ref = self._refs.get(said.number)
            return ref.chat if ref is not None else None
        return said.chat

    def _paced(self, item: SayItem, now_s: float) -> None:
        chat = self._chat(item.said)
        if chat is not None and not isinstance(item.said, Toast):
            self._last_s = {name: at_s for name, at_s in self._last_s.items() if now_s - at_s < PACE_S} | {chat: now_s}

    def _drop_old(self, now_s: float) -> None:
        for item in [item for item in self._items if now_s > item.until_s]:
            if item in self._items:
                self.give_up(item)

    def _remember(self, number: int, ref: MessageRef) -> None:
        self._refs[number] = ref
        while len(self._refs) > REFS_KEPT:
            del self._refs[next(iter(self._refs))]
