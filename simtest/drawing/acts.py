"""Acts of a plan: what happens once, with what a person does about it afterwards."""

from collections.abc import Iterable
from random import Random

from simtest.plan import ACTS, Act

SHARES = (0.1, 0.25, 0.4, 0.6)  # of the kinds of act that a seed has
PRESSED_AFTER_S = (1, 10, 20, 60, 200)
Timed = tuple[float, str]
# A stop would leave the rest of the run idle: most times somebody presses Start again.
IDLE = ("kill", "kill_file", "stop", "pause", "flatten")


def many(random: Random, length_s: float, midnight_s: int) -> list[Timed]:
    """Acts of the kinds that this seed has, as many as their means say."""
    share = random.choice(SHARES)
    made: list[Timed] = []
    for kind in [kind for kind in ACTS if ACTS[kind][1] and random.random() < share]:
        mean = ACTS[kind][1] * length_s / 3600 / share
        for _ in range(int(mean) + (random.random() < mean % 1)):
            made.append((random.uniform(1, length_s), kind))
    for at_s, kind in [one for one in made if one[1] in IDLE]:
        if random.random() < 0.85:
            made += _lifted(random, at_s, kind)
    if random.random() < 0.3:
        made.append((midnight_s - random.choice((0.1, 2.0, -0.1, -1.5)), "crash"))
    made += _rare(random, length_s)
    if random.random() < 0.7:
        made += _attended(random, length_s)
    return made


def in_order(random: Random, made: Iterable[Timed], length_s: float) -> tuple[Act, ...]:
    """The acts in the order of their times, each with an argument of its own."""
    kept = sorted((round(at_s, 3), kind) for at_s, kind in made if 0 < at_s < length_s)
    return tuple(Act(i, at_s, kind, round(random.random(), 6)) for i, (at_s, kind) in enumerate(kept))


def permits(random: Random, length_s: float) -> list[Timed]:
    """A live bot's: a person allows entries, and the permission ends now and then."""
    made: list[Timed] = [(1.0, "permit")]
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        at_s = random.uniform(20, max(length_s, 21))
        made.append((at_s, "permission_end"))
        if random.random() < 0.9:
            made.append((at_s + random.choice((2, 20, 60, 100)) * random.uniform(0.3, 1), "permit"))
    return made


def _lifted(random: Random, at_s: float, kind: str) -> list[Timed]:
    at_s += random.choice(PRESSED_AFTER_S) * random.uniform(0.2, 1)
    if not kind.startswith("kill"):
        return [(at_s, "start")]
    return [(at_s, "reset_kill"), (at_s + random.uniform(1, 20), "start")]


def _attended(random: Random, length_s: float) -> list[Timed]:
    """Somebody sits there and presses Start now and then, whatever stands."""
    every_s = random.choice((45, 90, 150))
    return [(at * every_s + random.uniform(0, 20), "start") for at in range(1, int(length_s / every_s) + 1)]


def _rare(random: Random, length_s: float) -> list[Timed]:
    """What comes in a few seeds only, and with more than one act."""
    made: list[Timed] = []
    for kind, share in (("broken_kill", 0.1), ("copied_folder", 0.04), ("restore", 1 / 12), ("ledger_removed", 0.05)):
        if random.random() < share:
            made += story(random, kind, random.uniform(20, max(length_s - 240, 21)))
    return made


def story(random: Random, kind: str, at_s: float) -> list[Timed]:
    """The act, and what a person does about it."""
    made: list[Timed] = [(at_s, kind)]
    if kind in ("kill", "kill_file", "broken_kill", "drill"):
        reset_s = at_s + random.uniform(2, 60)
        made += [(reset_s, "reset_kill"), (reset_s + random.uniform(1, 20), "start")]
    elif kind in ("pause", "stop", "flatten", "lose_ledger", "key_change"):
        made.append((at_s + random.uniform(5, 90), "start"))
    elif kind in ("manual_trade", "transfer", "restore", "old_ledger"):
        if random.random() < 0.7:  # they are adopted, or the ledger was looked at
            made.append((at_s + random.uniform(180, 300), "start"))
    elif kind == "ledger_removed":
        made.append((at_s + random.uniform(90, 200), "start"))
    return made
