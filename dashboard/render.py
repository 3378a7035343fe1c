"""Templates and the parts that pages are made of.

A part is drawn by one function and has one root element with its id. The page holds the parts' first drawing; the
stream sends those that changed since. The age of the state file stands in nearly every part and would change them
all at each look, so it is drawn as a mark and filled in when the text leaves.
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from dashboard.views import format as fm
from dashboard.views.snapshot import Snapshot
from shared.presence import Presence

# Nobody can know them beforehand, so no text from outside can hold them.
AGE_CHIP = f"\x01{secrets.token_hex(8)}\x01"
AGE_TEXT = f"\x01{secrets.token_hex(8)}\x02"
_TEMPLATES = Path(__file__).with_name("templates")


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


def environment(asset: Callable[[str], str], build: str, bot: str = "COIN-BOT") -> Environment:
    """Autoescaping everywhere; a name that is missing is an error, not an empty place."""
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
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
        age=Markup(AGE_CHIP),  # noqa: S704
        age_text=Markup(AGE_TEXT),  # noqa: S704
    )
    return env


def fill_age(text: str, s: Snapshot) -> str:
    """Put the age of the state file where its mark stands."""
    if "\x01" not in text:
        return text
    if s.age_s is None:
        chip, seconds = "", "?"
    else:
        state = fm.age_state(s.age_s)
        if s.presence is Presence.OFFLINE:
            state = "dead"
        elif s.presence in (Presence.UNREADABLE, Presence.STALE) and state in ("fresh", "late"):
            state = "stale"
        seconds = fm.age(s.age_s)
        chip = f'<span class="age" data-s="{state}" data-age>{seconds}</span>'
    return text.replace(AGE_CHIP, chip).replace(AGE_TEXT, seconds)


def partial(target: str, text: str) -> str:
    """One part as the stream sends it: htmx puts it in the place of the element with that id, keeping focus."""
    return f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">{text}</hx-partial>'


Context = dict[str, Any]
