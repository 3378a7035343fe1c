"""Which browser signed in, in a few words: enough to tell one's own sign-ins apart, not a fingerprint."""

import re

MOST_CHARS = 40
# In this order: Edge and Opera call themselves Chrome as well, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d{1,4})")),
    ("Opera", re.compile(r"OPR/(\d{1,4})")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d{1,4})")),
    ("Chrome", re.compile(r"(?:HeadlessChrome|Chrome|CriOS)/(\d{1,4})")),
    ("Safari", re.compile(r"Version/(\d{1,4})[.\d]* (?:Mobile/\w+ )?Safari/")),
)
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip


def shortened(agent: str) -> str:
    """`Firefox 145, Linux`; for what is no browser its first word, letters and digits only; empty = not told."""
    agent = agent[:400]
    system = next((name for word, name in _SYSTEMS if word in agent), "")
    for name, pattern in _BROWSERS:
        found = pattern.search(agent)
        if found:
            return ", ".join(part for part in (f"{name} {found[1]}", system) if part)
    first = agent.split(" ", 1)[0]
    return re.sub(r"[^A-Za-z0-9./_-]", "", first)[:MOST_CHARS]
