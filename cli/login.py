"""Login links and tokens. They are printed here, never by the dashboard: PM2 would keep what that prints."""

from cli import ui
from cli.context import loaded


def login(role: str) -> None:
    """Print a single-use link that is valid for five minutes."""
    from dashboard.links import create_login_link  # noqa: PLC0415

    found = loaded().settings
    found.paths.prepare()
    ui.plain(create_login_link(found.paths, found, role=role))


def token(role: str) -> None:
    """Print a bearer token for machines. It is kept only as a hash, so it is shown this once."""
    from dashboard.links import create_token  # noqa: PLC0415

    found = loaded().settings
    found.paths.prepare()
    ui.plain(create_token(found.paths, role))
