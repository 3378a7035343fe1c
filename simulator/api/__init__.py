"""The protocol, sans-IO: requests in, answers out; text frames in, text frames out."""
