"""Templates and the parts that pages are made of.

A part is drawn by one function and has one root element with its id. The page holds the parts' first drawing; the
stream sends those that changed since. The age of the state file stands in nearly every part and would change them
all at each look, so it is drawn as a mark and filled in when the text leaves.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from dashboard import handbook
from dashboard.views import format as fm
from dashboard.views.snapshot import Snapshot
from shared.bots import DEFAULT_BOT
from shared.presence import Presence

# Not known beforehand, so no text from outside can contain them.
_SEED = secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class AgeMark:
    """The place of an age. `of`: file (the state file), fed (prices behind the figures), trouble (the condition)."""

    chip: str
    text: str
    of: str


FILE, FED, TROUBLE = (AgeMark(f"\x01{_SEED}{i}\x01", f"\x01{_SEED}{i}\x02", of)
                      for i, of in enumerate(("file", "fed", "trouble")))  # fmt: skip
FED_LATE_S = 3.0
_HERE = Path(__file__).parent
# What every page shares stands in `templates/`; a page's own templates lie in its folder, as `pages/<page>/…`.
_LOADER = ChoiceLoader(
    [FileSystemLoader(_HERE / "templates"), PrefixLoader({"pages": FileSystemLoader(_HERE / "pages")})]
)


class _Compiled(BytecodeCache):
    """Compiled templates, once for the process, however many applications it makes."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        found = self._kept.get(bucket.key + bucket.checksum)
        if found is not None:
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


_compiled = _Compiled()


def environment(asset: Callable[[str], str], build: str, bot: str = DEFAULT_BOT.process) -> Environment:
    """Autoescaping everywhere; a name that is missing is an error, not an empty place."""
    env = Environment(
        loader=_LOADER,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=200,
        bytecode_cache=_compiled,
    )
    env.globals.update(
        asset=asset,
        build=build,
        bot=bot,
        fm=fm,
        glossary={word.lower(): meaning for word, meaning in handbook.terms().items()},
        age=Markup(FILE.chip),  # noqa: S704
        age_fed=Markup(FED.chip),  # noqa: S704
        age_text=Markup(FILE.text),  # noqa: S704
        trouble=Markup(TROUBLE.chip),  # noqa: S704
        trouble_text=Markup(TROUBLE.text),  # noqa: S704
    )
    return env


def fill_age(text: str, s: Snapshot) -> str:
    """Put the ages where their marks stand."""
    if "\x01" not in text:
        return text
    verdict = s.verdict
    fed_s = figures_age_s(s)
    for mark, age_s in ((FILE, s.age_s), (FED, fed_s), (TROUBLE, verdict.seconds)):
        chip = "" if age_s is None else _chip(mark.of, age_s, s.presence)
        text = text.replace(mark.chip, chip).replace(mark.text, "?" if age_s is None else fm.age(age_s))
    return text


def figures_age_s(s: Snapshot) -> float | None:
    """Of the prices that equity and PnL rest on; of the file, where the bot does not tell."""
    found = s.verdict.figures_age_s
    return s.age_s if found is None else found


def _chip(of: str, age_s: float, presence: Presence) -> str:
    # Between two heartbeats and two writes of the file, prices are up to two seconds old: that is no lateness.
    state = "fresh" if of == "fed" and age_s <= FED_LATE_S else fm.age_state(age_s)
    if presence is Presence.OFFLINE:
        state = "dead"
    elif presence in (Presence.UNREADABLE, Presence.STALE) and state in ("fresh", "late"):
        state = "stale"
    which = "data-age" if of == "file" else f'data-age="{of}"'
    return f'<span class="age" data-s="{state}" {which}>{fm.age(age_s)}</span>'


def partial(target: str, text: str) -> str:
    """One part as the stream sends it: htmx puts it in the place of the element with that id, keeping focus."""
    return f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">{text}</hx-partial>'


Context = dict[str, Any]
