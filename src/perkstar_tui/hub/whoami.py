"""Who is acting: the login at this host, with the address it came from when over SSH."""

import getpass
import os
import socket


def who() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    origin = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    return f"{name}@{socket.gethostname()}" + (f" from {origin}" if origin else "")
