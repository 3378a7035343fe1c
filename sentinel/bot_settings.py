"""The settings of one bot by its name: the default bot's from the project's .env and the shell, another's from its own.

Values from the shell reach the default bot alone. Another bot NAME has the folder bots/NAME in the default bot's, and
its .env there.
"""

from collections.abc import Mapping

from shared import settings as settings_module
from shared.bots import BotRef
from shared.liveness import read_state
from shared.settings import Settings, SettingsError


def settings_of(bot: BotRef, environ: Mapping[str, str] | None = None) -> Settings:
    """Raises SettingsError; also where they are of another mode than the bot that wrote the folder's state."""
    if bot.is_default:
        return settings_module.load(environ=environ).settings
    folder = bot.folder(settings_module.paths_anyway(environ=environ).root)
    own = {"DATA_DIR": str(folder), "BOT_NAME": bot.name}
    settings = settings_module.load(folder / ".env", own).settings
    state, _, _ = read_state(settings.paths)
    if state is not None and state.mode != settings.coin_mode:
        raise SettingsError(
            [f"COIN_MODE={settings.coin_mode} for {bot.name}, which last ran in {state.mode}: {folder}/.env"]
        )
    return settings
