"""Waiting by condition: the only way a test here waits."""

import time


def wait_until(condition, what, timeout=60.0, every=0.01):
    """Calls `condition` until it returns something true, and returns that; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:.0f} s in vain: {what}")
        time.sleep(every)
