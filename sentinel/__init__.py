"""The sentinel: cancels the resting entries of a bot that is dead or hung while nobody else notices.

`decision` judges looks at a bot and touches nothing. `python -m sentinel` is a short-lived process that ends what
hangs, takes the bot's lock and cancels. It shares no code path with the bot's loop, and only it reads the key. Exits
stay.
"""
