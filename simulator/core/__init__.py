"""The exchange itself, sans-IO: every function gets the time that it needs, nothing here opens anything."""
