"""Lines for people, and what needs one now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDoc:
    """One of the newest things that happened, for people; the ledger's activity log holds them all."""

    at: str
    at_ms: int
    kind: str  # entry, exit, command, boot, risk, feed, order, day
    level: str  # info, good, warn, bad
    text: str
    product_id: str | None = None


SECOND_WRITER = "second_writer"  # another bot trades under this name: no entry until a person presses Start

STRATEGY_SILENT = "strategy_silent"  # it has not answered for longer than WATCHDOG_SEC: no entry until it does
MODEL_UNUSABLE = "model_unusable"  # the trained model says nothing: expired, drifted, changed, or of another market
FOLDER_NOT_OWN = "folder_not_own"  # an alert's code: nothing is sent, so the bot is not well however fresh it is


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDoc:
    """What a person must be told of. `code` is for machines and does not change; `text` is for people."""

    code: str  # folder_not_own, second_writer, strategy_silent, model_unusable, dry_run_with_lots, entries_locked
    text: str
