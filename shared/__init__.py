"""The contract between the processes: money, time, documents, files, settings, presence.

Imports nothing of ours; every other room may import it.
"""
