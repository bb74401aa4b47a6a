"""A program in a pseudo terminal, read by an emulator: what a person would see, and when."""

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte


class Terminal:
    """Starts a program on a terminal of the given size; use it as a context manager."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.received = 0
        self.raw = bytearray()
        self.came = 0.0
        """When the program's last output arrived."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        surroundings = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        surroundings.update(env or {})
        # These would be believed more than the terminal itself.
        for name in ("PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES"):
            surroundings.pop(name, None)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            list(argv), stdin=slave, stdout=slave, stderr=slave, env=surroundings, start_new_session=True
        )
        os.close(slave)
        self._master = master

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the window's size, as dragging its corner does."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def pump(self, seconds: float) -> bool:
        """Take in what comes within `seconds`; whether anything came."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.came = time.perf_counter()
        self.received += len(data)
        self.raw += data
        self._stream.feed(self._decoder.decode(data))
        return bool(data)

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(self.screen.display)

    def until(self, seen: Callable[[str], bool] | str, seconds: float = 20.0) -> float:
        """Wait until the screen shows something; answers the seconds since the start. Fails with the screen's text."""
        test = (lambda text: seen in text) if isinstance(seen, str) else seen
        end = time.perf_counter() + seconds
        while not test(self.text):
            left = end - time.perf_counter()
            if left <= 0:
                raise AssertionError(f"not seen within {seconds} s: {seen!r}\n{self.text}")
            if not self.pump(min(left, 0.2)) and self.process.poll() is not None and not self.pump(0.05):
                raise AssertionError(f"the program ended ({self.process.returncode}):\n{self.text}")
        return time.perf_counter() - self.started

    def still(self, seconds: float = 0.3, limit: float = 10.0) -> None:
        """Wait until nothing has come for `seconds`."""
        end = time.perf_counter() + limit
        while self.pump(seconds) and time.perf_counter() < end:
            pass

    def wait(self, seconds: float = 15.0) -> int:
        """Wait for the program's end; answers its exit code."""
        end = time.perf_counter() + seconds
        while self.process.poll() is None:
            if time.perf_counter() > end:
                raise AssertionError(f"still running after {seconds} s:\n{self.text}")
            self.pump(0.1)
        return self.process.returncode

    def close(self) -> None:
        """End the program if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        os.close(self._master)
