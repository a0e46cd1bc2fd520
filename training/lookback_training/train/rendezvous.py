"""Where restarted processes meet: a part of torchrun's store that no earlier attempt wrote to."""

from __future__ import annotations

import time
import uuid

from torch.distributed import PrefixStore, Store

POLL_SECONDS = 0.02


def fresh(store: Store, rank: int, size: int) -> Store:
    """The same empty part of `store` for all `size` processes of this attempt; returns when they have agreed on it.

    torchrun keeps one store over all restarts. What killed processes left in it (their addresses) would be read as
    their successors', and joining would hang (pytorch/pytorch#135712). The count of restarts cannot tell attempts
    apart: each machine keeps its own. So rank 0 names the attempt, and repeats the name until each of the others has
    found itself among those it was told to.
    """
    me = uuid.uuid4().hex
    others = range(1, size)
    if rank:
        store.set(f"hello/{rank}", me)
        while True:
            name, *invited = store.get("welcome").decode().split()
            if me in invited:
                store.set(f"{name}/agreed/{rank}", me)
                return PrefixStore(name, store)
            time.sleep(POLL_SECONDS)
    while not all(store.check([f"{me}/agreed/{other}"]) for other in others):
        # Until a successor has written its own, this reads its predecessor's.
        store.set("welcome", " ".join([me, *(store.get(f"hello/{other}").decode() for other in others)]))
        time.sleep(POLL_SECONDS)
    return PrefixStore(me, store)
