"""60 steps of 50 ms, or fewer when nobody wants it any more."""

import os
import socket
import time


def say(id, what):
    # One write: processes and threads share the output.
    os.write(1, f"{id} {what} {time.time_ns() // 1_000_000}\n".encode())


def work(id, unwanted=lambda: False):
    """`unwanted` is asked at each step."""
    say(id, "begun")
    for _ in range(60):
        if unwanted():
            say(id, "told")
            break
        time.sleep(0.05)
    say(id, "ended")


def written(id):
    """A piece of the answer at each step, as an iterator; it is closed, or the loop over it is left, when nobody takes them."""
    say(id, "begun")
    try:
        for _ in range(60):
            yield b"."
            time.sleep(0.05)
    except GeneratorExit:
        say(id, "told")
        raise
    finally:
        say(id, "ended")


def gone(connection):
    """Has the caller closed this connection? Looks, and takes nothing out of it."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
