"""Login links and passwords. They are printed here, never by the dashboard: PM2 would keep what that prints."""

from typing import Annotated

import typer
from argon2 import PasswordHasher

from cli import ui
from cli.context import loaded, own_folder
from dashboard.auth.roles import Role
from dashboard.links import create_login_link

LEAST_PASSWORD = 12


def login(
    role: Annotated[Role, typer.Argument(help="What the link allows: viewer reads, operator commands too.")] = (
        Role.OPERATOR
    ),
    localhost: Annotated[bool, typer.Option("--localhost", help="Link to localhost: passkeys need that name.")] = False,
) -> None:
    """Print a single-use link that is valid for five minutes; with `localhost`, by that name instead of 127.0.0.1."""
    found = loaded().settings
    own_folder(found.paths)
    link = create_login_link(found.paths, found, role=role)
    if localhost:
        scheme, _, rest = link.partition("://")
        host = rest.partition("/")[0].rpartition(":")[0]
        if host not in ("127.0.0.1", "[::1]", "localhost"):
            ui.give_up(f"The dashboard's address is {host}, not localhost on this machine.")
        link = f"{scheme}://localhost{rest.removeprefix(host)}"
    ui.plain(link)


def password() -> None:
    """Ask for a password and print the line for .env. The password itself is kept nowhere."""
    chosen = typer.prompt("Password for the dashboard (12 characters or more)", hide_input=True, err=True)
    if len(chosen) < LEAST_PASSWORD:
        ui.give_up(f"{len(chosen)} characters are too few: at least {LEAST_PASSWORD}.")
    if typer.prompt("Again", hide_input=True, err=True) != chosen:
        ui.give_up("The two passwords differ. Nothing was created.")
    # Quoted, since the hash holds dollar signs.
    ui.plain(f"DASHBOARD_PASSWORD_HASH='{PasswordHasher().hash(chosen)}'")
    typer.echo(
        "  Put this line into .env (chmod 600 .env). A running dashboard applies it at once and ends every session.",
        err=True,
    )
