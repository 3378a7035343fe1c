"""Names that set-ups of older bots bring along in `.env`, beside those of the table: each is taken as it is written.

A name that means a setting of ours is read as that one. A name of a part that is not there yet is accepted and said
with one sentence, so that an older `.env` starts; the day the table of settings knows it, the table is preferred.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Read as another name of the same setting; where both are set, the setting's own name wins.
SAME_AS: Mapping[str, str] = {
    "PRODUCT_ID": "PRODUCTS",
    "PORT": "DASHBOARD_PORT",
    "STATE_STORE_URI": "LEDGER_URL",
    "STRATEGIES": "STRATEGY",
}
# A variable of this name in a shell is most often another program's: it counts in .env alone.
FILE_ONLY = frozenset({"PORT", "STRATEGIES"})


@dataclass(frozen=True, slots=True)
class Kept:
    """An accepted name without a meaning of its own today."""

    sentence: str
    secret: bool = False


_BRIDGE = "no effect yet: for the bridge (VENUE=bridge), which does not exist yet; the bot connects to Coinbase itself"
_BUS = "no effect yet: for the event bus; today the processes communicate through files"
_SECRETS = "no effect yet: for the secret store; today secrets are kept in .env (mode 0600)"
_SLACK = "no effect yet: for Slack alerts"
_DQN = "no effect yet: for the learning strategies"
_SSH = "used by a deployment by SSH, not by the bot"

KEPT: Mapping[str, Kept] = {
    "LIVE_TRADING_DEFAULT": Kept("not used: COIN_MODE=live, DRY_RUN=false and ./coin enable-live allow live orders"),
    "USE_OFFICIAL_SDK": Kept("not used: the bot always signs and sends requests by Coinbase's official SDK"),
    "USE_SSE": Kept("not used: the dashboard always streams to the browser by server-sent events"),
    "COINBASE_ENABLE_DERIVATIVES": Kept("no effect yet: for futures; today only spot is traded"),
    "BRIDGE_URL": Kept(_BRIDGE),
    "COINBASE_API_BASE": Kept(_BRIDGE),
    "COINBASE_WS_ENABLE": Kept(_BRIDGE),
    "COINBASE_WS_PRODUCTS": Kept(_BRIDGE),
    "COINBASE_WS_URL": Kept(_BRIDGE),
    "COINBASE_WS_STALE_SEC": Kept(f"{_BRIDGE}; STALE_DATA_SEC shuts entries on old prices"),
    "SMA_WINDOW": Kept("not used: MA_FAST and MA_SLOW are the windows of the moving averages"),
    "RABBITMQ_HOST": Kept(_BUS),
    "REDIS_HOST": Kept(_BUS),
    "REDIS_PORT": Kept(_BUS),
    "USE_EVENT_BUS_SSE": Kept(_BUS),
    "EVENT_STORE_PATH": Kept("no effect yet: for the event bus; today events are kept in the ledger's journal"),
    "SECRETS_BACKEND": Kept(_SECRETS),
    "AWS_SECRETS_PREFIX": Kept(_SECRETS),
    "AWS_REGION": Kept(_SECRETS),
    "VAULT_ADDR": Kept(_SECRETS),
    "VAULT_TOKEN": Kept(_SECRETS, secret=True),
    "ALERT_ENABLE": Kept("no effect yet: for alerts"),
    "ALERT_PNL_THRESHOLD": Kept("no effect yet: for alerts"),
    "SLACK_WEBHOOK": Kept("no effect yet: for alerts to Slack", secret=True),
    "SLACK_BOT_TOKEN": Kept(_SLACK, secret=True),
    "SLACK_APP_TOKEN": Kept(_SLACK, secret=True),
    "SLACK_SIGNING_SECRET": Kept(_SLACK, secret=True),
    "SLACK_CHANNEL_ID": Kept(_SLACK),
    "SLACK_ALERT_CHANNEL": Kept(_SLACK),
    "TEAMS_WEBHOOK_URL": Kept("no effect yet: for alerts to Teams (a Workflows URL)", secret=True),
    "SSH_PRIVATE_KEY": Kept(_SSH, secret=True),
    "SSH_HOST": Kept(_SSH),
    "SSH_USER": Kept(_SSH),
    "DEPLOY_DIR": Kept(_SSH),
}
SECRETS = frozenset(name for name, kept in KEPT.items() if kept.secret)


def kept(name: str, secret_settings: frozenset[str]) -> Kept | None:
    """What is to be said of an accepted name that no setting answers to; None = it is no such name.

    `secret_settings`: settings that are secrets. Each may also be given as a file's path, under its name and _FILE.
    """
    if name in KEPT:
        return KEPT[name]
    if name.startswith("DQN_") and len(name) > len("DQN_"):
        return Kept(_DQN)
    if name.endswith("_FILE") and name.removesuffix("_FILE") in SECRETS | secret_settings:
        return Kept(_SECRETS)
    return None


def strategy_of(text: str) -> str | None:
    """The strategy of a list with one element: its name, or the last part of a class path; None = not one element."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    if len(names) != 1:
        return None
    # Ours are written sma_cross, classes SmaCross.
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", names[0].rpartition(".")[2]).lower()


def spelled_as(problem: str, used: Mapping[str, str]) -> str:
    """The problem, naming the spelling that stands in the file as well. `used`: setting to the name that was given."""
    for setting, name in used.items():
        if problem.startswith((f"{setting}=", f"{setting}:", f"{setting} ")):
            return f"{problem} (written as {name})"
    return problem


def names() -> Iterator[str]:
    """Every older name that is accepted, patterns apart."""
    yield from SAME_AS
    yield from KEPT
