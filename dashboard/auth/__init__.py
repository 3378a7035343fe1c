"""Who may see and command: links, passwords, sessions, tokens, and the guard that every request passes."""
