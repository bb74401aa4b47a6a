"""Waiting for what another process does."""

import time


def eventually(question, seconds=40.0):
    """Wait until a question is answered with yes; the last answer stands in the failure."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"still {answer!r} after {seconds} s"
        time.sleep(0.05)
    return answer
