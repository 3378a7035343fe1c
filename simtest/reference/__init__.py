"""The reference model: what a bot must do and must not do, by docs/trading-rules.md alone.

Prices, bars and fills of the exchange go in, obligations come out. It shares no code with the bot and imports none of
it, so that a defect of the bot's rules is no defect of its judge.
"""
