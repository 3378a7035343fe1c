"""COIN measured under many clients, good and bad."""
