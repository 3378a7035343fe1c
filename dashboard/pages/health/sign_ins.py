"""Health's line on who uses the sessions: cookies that another user sent, or that no user can be told from another."""

from collections.abc import Sequence
from datetime import datetime

from dashboard.auth.foreign import Foreign
from dashboard.pages.health.view import CheckRow, check
from dashboard.views import format as f


def sign_ins(foreign: Sequence[Foreign], told_apart: bool, now: datetime) -> CheckRow:
    """`foreign`: newest first."""
    name = "Sign-ins"
    if foreign:
        last = foreign[0]
        ago = f.span(max(0.0, now.timestamp() - last.at_s))
        more = f" (and {len(foreign) - 1} more like it)" if len(foreign) > 1 else ""
        return check(
            name,
            "warn",
            f"{f.clean(last.user)} sent the cookie of {f.clean(last.owner)}'s session {f.plural(last.times, 'time')}, "
            f"last {ago} ago; refused{more}",
            f"See what {f.clean(last.user)} runs; signing out ends the session",
        )
    if not told_apart:
        return check(
            name,
            "warn",
            "a session's cookie works for every user of this machine: the system cannot tell which user connects",
            "Do not let other users log in to this machine",
        )
    return check(name, "ok", "each session works only for the user, or the network, that signed in")
