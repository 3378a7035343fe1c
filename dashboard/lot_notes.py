"""What people wrote about lots: one note and its tags per lot, in `notes.db`, and what stood there before.

The dashboard's own file: nothing here is read by the bot, and no figure depends on it.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

LONGEST, MOST_TAGS, LONGEST_TAG = 500, 6, 24
_TAG = re.compile(r"[^\W_][\w .+-]*")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    seq INTEGER PRIMARY KEY, lot_id TEXT NOT NULL, text TEXT NOT NULL, tags TEXT NOT NULL, by TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notes_lot ON notes (lot_id, seq);
"""


class NoteRefused(ValueError):
    """What was written cannot be kept; the text says why, for a person."""


class NotesUnusable(Exception):
    """The file cannot be read or written; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class LotNote:
    """The newest note of a lot. `by`: the role of who wrote it; `at_ms`: when, in ms since 1970."""

    lot_id: str
    text: str
    tags: tuple[str, ...]
    by: str
    at_ms: int


def tags_of(text: str) -> tuple[str, ...]:
    """The tags of "trail, dip", each once, in their order, lower case. Raises NoteRefused."""
    found = dict.fromkeys(filter(None, (" ".join(part.split()).lower() for part in text.split(","))))
    if len(found) > MOST_TAGS:
        raise NoteRefused(f"At most {MOST_TAGS} tags.")
    for tag in found:
        if len(tag) > LONGEST_TAG or not _TAG.fullmatch(tag):
            raise NoteRefused(f"A tag has letters, digits and - + . only, at most {LONGEST_TAG}: {tag[:40]}")
    return tuple(found)


class LotNotes:
    """Opens, reads and closes for each call, so that a replaced file is noticed. Every method blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def written_ns(self) -> int:
        """When the file was written last, ns since 1970; 0 = there is none."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    def newest(self) -> dict[str, LotNote]:
        """By lot; empty where nobody wrote any. Raises NotesUnusable."""
        if not self._path.exists():
            return {}
        query = (
            "SELECT lot_id, text, tags, by, at_ms FROM notes WHERE seq IN (SELECT max(seq) FROM notes GROUP BY lot_id)"
        )
        with self._open() as db:
            rows = db.execute(query).fetchall()
        made = (LotNote(lot, text, tuple(filter(None, tags.split(","))), by, at) for lot, text, tags, by, at in rows)
        return {note.lot_id: note for note in made if note.text or note.tags}

    def write(self, note: LotNote) -> None:
        """Keep it as the lot's newest; one without text and tags takes the note off. What stood there stays in the
        file. Raises NoteRefused, NotesUnusable."""
        if len(note.text) > LONGEST:
            raise NoteRefused(f"A note has at most {LONGEST} characters.")
        row = (note.lot_id, note.text, ",".join(note.tags), note.by, note.at_ms)
        with self._open() as db, db:
            db.execute("INSERT INTO notes (lot_id, text, tags, by, at_ms) VALUES (?, ?, ?, ?, ?)", row)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
            with closing(sqlite3.connect(self._path, timeout=2.0)) as db:
                db.executescript(_SCHEMA)
                yield db
        except (sqlite3.Error, OSError) as error:
            raise NotesUnusable(f"{self._path.name}: {error}") from error
