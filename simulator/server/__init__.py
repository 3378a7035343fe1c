"""The TLS server: sockets, files and the clock around the core and the protocol."""
