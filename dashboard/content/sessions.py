"""Sessions: who is signed in, tokens, passkeys. What each sign-in may see differs, so its route draws it by itself."""

from dashboard.pages import Page

PAGE = Page(
    key="sessions",
    path="/sessions",
    title="Sessions",
    icon="key",
    primary=False,
    shortcut="u",
    parts=(),
    own_route=True,
)
