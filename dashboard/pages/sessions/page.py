"""Sessions: who is signed in, tokens, passkeys. What each sign-in may see differs, so its route draws it by itself."""

from dashboard.page import Page

PAGE = Page(
    key="sessions",
    own_icon="key",
    shortcut="u",
    parts=(),
    own_route=True,
)
