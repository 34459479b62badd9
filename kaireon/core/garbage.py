"""How often Python looks for garbage that reference counting leaves behind."""

import gc

# Objects more than were let go, before the young ones are looked through. Python's own 700 are reached with every few
# events of a batch, and nothing of a batch is garbage before its end.
_YOUNG = 50_000


def look_for_garbage_seldom() -> None:
    """For processes that handle events in batches; called when all modules are loaded.

    What is loaded by then is never looked through again (it stays for as long as the process), and what comes later
    only after many more objects. Measured on batches of 500 that fire: a quarter of a worker's CPU time went into this.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
