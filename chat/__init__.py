"""COIN-CHAT: commands from Slack and Telegram, both outbound only. It is a process of its own, so that a platform's
library that hangs or crashes holds up neither the bot nor COIN-WATCH.

    telegram, slack   hear: updates become `Asked`, `Pressed`; say: posts, edits and toasts   (two threads each)
          │ ▲
          ▼ │
    conversation      who may, what is answered, what is asked back; once for each update     (one thread, process.py)
          │ ▲
          ▼ │
    confirmations     a command's way: asked → taken → sent → taken up → done; kept by `store` before anything is done
          │ ▲
          ▼ │
    bot_link          reads bot_state.json and alerts.json, writes control.json as every other sender does

Nobody imports this room but its tests and `bench`. Its process never holds the trading key: `handover` hands it what it
needs over an exec (`python -m chat`), and nothing else.
"""
