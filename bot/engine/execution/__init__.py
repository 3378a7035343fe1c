"""How lots are entered and closed."""
