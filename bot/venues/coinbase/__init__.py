"""The only room that knows Coinbase's wire names: REST by the official SDK, stream by websockets."""
