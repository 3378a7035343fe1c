"""Faults of a plan, as windows in time. Each seed switches a random part of the kinds off."""

from random import Random

from simtest.plan import FAULTS, Window

SHARES = (0.05, 0.1, 0.15, 0.3)  # of the kinds that a seed has
LENGTHS_S = (5, 15, 30, 60, 120, 600)  # or as long as the kind lasts at most; a bot that is always deaf shows little


def windows(random: Random, length_s: float) -> tuple[Window, ...]:
    """Windows of the kinds that this seed has, up to three of each."""
    share = random.choice(SHARES)
    made: list[Window] = []
    for kind in [kind for kind in FAULTS if random.random() < share]:
        _, scopes, longest_s, rates, (low, high) = FAULTS[kind]
        for _ in range(1 + (random.random() < 0.5) + (random.random() < 0.3)):
            for_s = min(random.choice((*LENGTHS_S, longest_s)), longest_s)
            at_s = random.uniform(0 if random.random() < 0.3 else 20, max(length_s - min(for_s, length_s / 2), 21))
            for_s = min(for_s, length_s - at_s) if at_s < length_s else 0.0
            arg = round(random.uniform(low, high), 3)
            scope, rate = random.choice(scopes), random.choice(rates)
            made.append(Window(len(made), kind, scope, round(at_s, 3), round(for_s, 3), rate, arg))
    if random.random() < 0.1:
        made.extend(_swizzle(random, length_s, len(made)))
    return tuple(made)


def _swizzle(random: Random, length_s: float, first: int) -> list[Window]:
    """Clog REST, market stream, user stream and disk one by one, unclog them in another order."""
    clogs = [("refused", ""), ("ws_silent", "market"), ("ws_refuse", "user"), ("disk_full", "")]
    random.shuffle(clogs)
    at_s = random.uniform(60, max(length_s - 400, 61))
    ends = [at_s + 60 + 40 * i for i in range(len(clogs))]
    random.shuffle(ends)
    return [
        Window(first + i, kind, scope, round(at_s + 12 * i, 3), round(max(ends[i] - at_s - 12 * i, 1), 3), 1.0)
        for i, (kind, scope) in enumerate(clogs)
        if at_s + 12 * i < length_s
    ]
