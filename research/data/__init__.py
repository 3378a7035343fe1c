"""Candles: read from anywhere, checked, kept in columns under DATA_DIR/candles."""
