"""The sans-IO core: events in, intents out. No socket, file, clock, randomness or thread."""
