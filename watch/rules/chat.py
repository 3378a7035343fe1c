"""Rules about COIN-CHAT: is it heard, and who asked without being allowed to."""

from collections.abc import Iterable

from shared.bots import CHAT
from shared.documents.chat import ChatLink
from shared.figures import ago
from shared.pm2 import Effective
from watch.observations import Observations
from watch.rules.rule import RuleFinding, WatchLimits

SILENT_S = 30.0
UNHEARD_S = 120.0
TOLD_MS = 60_000  # for so long a refusal fires; of one person COIN-CHAT shows one an hour
REFUSED, LINK = "chat", "watch.chat"


def unheard(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    look = seen.chat
    process = seen.pm2.find(CHAT) if seen.pm2 is not None else None
    if look is None or (process is not None and process.effective is Effective.STOPPED and process.exit_code == 0):
        return []  # nobody wants one, or a person ended it
    gone = look.silent_s > SILENT_S
    said = f" PM2 says {process.label}." if process is not None and gone else ""
    text = (
        f"{CHAT} has not written for {ago(look.silent_s)}, so no command from a chat is heard.{said} ./coin logs chat"
    )
    found = [RuleFinding(CHAT, gone, LINK, f"written {ago(look.silent_s)} ago", f"{CHAT} is silent", text,
                         look.silent_s / SILENT_S)]  # fmt: skip
    if look.document is None or gone:
        return found
    problem = look.document.settings_problem
    found.append(
        RuleFinding(
            "settings", problem is not None, f"{LINK}.settings", "refused" if problem else "taken",
            "Chat does not take up .env", f"{problem} Who may command is as it was before.",
        )
    )  # fmt: skip
    for one in look.document.platforms:
        bad_s = 0.0 if one.link is ChatLink.CONNECTED else max(0.0, (seen.now_ms - one.since_ms) / 1000)
        why = f"It is {one.link} since {ago(bad_s)}: {one.answer or 'no answer'}. Commands from there are not heard."
        found.append(RuleFinding(one.name, bad_s > UNHEARD_S, LINK, one.link.value, f"No connection to {one.name}", why,
                                 bad_s / UNHEARD_S))  # fmt: skip
    return found


def refused(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    if seen.chat is None or seen.chat.document is None:
        return []
    refusals = seen.chat.document.refusals
    found = [] if refusals else [RuleFinding(CHAT, False, f"{REFUSED}.nobody", "nobody")]
    for one in refusals:
        age_ms = seen.now_ms - one.at_ms
        who = f"{one.name} ({one.person})" if one.name else one.person
        text = f"{who} asked for {one.what}, and is not in CHAT_USERS or lacks the role. Nothing was done or told."
        found.append(RuleFinding(one.person, 0 <= age_ms < TOLD_MS, f"{REFUSED}.{one.person}", one.what,
                                 "A refused person wrote to the bot", text))  # fmt: skip
    return found
