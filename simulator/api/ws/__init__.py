"""The stream: sessions, channels, frames."""
