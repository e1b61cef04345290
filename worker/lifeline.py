"""A process that ends when its parent ends, even when the parent had no chance to say so (SIGKILL)."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# Loaded here, not in the forked child: importing after fork may wait for a lock nobody holds any more.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_parent(parent_pid: int, with_signal: signal.Signals) -> None:
    """Ask the kernel to send this process `with_signal` when the thread that started it ends.

    Call in the child, after any change of user: the kernel forgets the wish on such a change. Elsewhere than
    on Linux nothing of the kind exists; there the next start clears up what the last one recorded.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(with_signal))
    if os.getppid() != parent_pid:  # the parent ended between fork and prctl
        os.kill(os.getpid(), with_signal)
