"""COIN-LAB: the work that the Lab page asks for, in processes of its own, so that the bot never waits for it.

The dashboard leaves requests as files (`shared.lab_files`) and asks PM2 for COIN-LAB by name. COIN-LAB is a small
supervisor without numpy: it starts a process for each job (`lab_worker.job`), one at a time for each user, and one that
stays warm for settings under a slider (`lab_worker.warm`). All of them yield the processor to everything else, may use
LAB_MEMORY_MB, and die with it. After five minutes in which nobody asked for anything it ends, and holds no memory.
"""
