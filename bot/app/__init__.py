"""The process around the engine: boot, background tasks, control, writers, exchange. It makes no trading decision."""
