"""Everything that decides, without I/O: `engine.handle(event, now) -> intents`. No file, socket, clock or thread."""
