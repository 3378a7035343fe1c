"""All mutants of the rooms that money runs through, and the sample of them that a night tries."""

import ast
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from simtest.mutation.mutant import Mutant
from simtest.mutation.places import mutants, parameters

MUTATED = ("bot/engine", "bot/rules", "bot/domain", "bot/app", "bot/venues/coinbase", "shared/ledger")
LEFT_OUT = ("shared/ledger/migrations/",)  # steps from schemas of the past: they never change, and run once
IMPORTED = ("bot", "shared")


def sources(root: Path) -> dict[str, str]:
    """Path → text of the products. Raises OSError."""
    paths = (path for room in IMPORTED for path in sorted((root / room).rglob("*.py")))
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def population(texts: Mapping[str, str]) -> list[Mutant]:
    """Every mutant, by file. Raises SyntaxError."""
    known = parameters({path: ast.parse(text) for path, text in texts.items()})
    chosen = [path for path in texts if path.startswith(tuple(f"{room}/" for room in MUTATED))]
    return [
        mutant
        for path in chosen
        if not path.startswith(LEFT_OUT)
        for mutant in mutants(path, texts[path], known)
    ]  # fmt: skip


def drawn(everything: Sequence[Mutant], seed: str, most: int) -> list[Mutant]:
    """`most` of them at random, in an order of which each beginning holds every room by its share."""
    rooms: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in sorted(everything, key=lambda each: hashlib.sha256(f"{seed} {each.id}".encode()).digest()):
        rooms[mutant.room].append(mutant)
    placed = []
    for room, found in rooms.items():
        start = hashlib.sha256(f"{seed} {room}".encode()).digest()[0] / 256
        placed += [((number + start) / len(found), mutant) for number, mutant in enumerate(found)]
    placed.sort(key=lambda place: (place[0], place[1].id))
    return [mutant for _, mutant in placed[:most]]


def by_room(found: Sequence[Mutant]) -> dict[str, int]:
    """How many each room has."""
    return dict(sorted(Counter(mutant.room for mutant in found).items()))
