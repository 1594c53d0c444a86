"""What the tests of the command line share: running it, and a pseudo terminal."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios

from daemon import BUILD, STALL_SECONDS

PROGRAM = os.path.join(BUILD, "drover")
NOWHERE = "http://127.0.0.1:1"  # nobody listens on port 1


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()


def environment(server=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DROVER_")}
    env.pop("NO_COLOR", None)
    env["TZ"] = "UTC"
    if server:
        env["DROVER_SERVER"] = server
    return env


def drover(*args, server=None, stdin="", status=0, cwd=None):
    """Runs a command to its end; `status` is what it must exit with (None = whatever)."""
    p = subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, text=True, cwd=cwd,
                       env=environment(server), timeout=STALL_SECONDS, check=False)
    assert status is None or p.returncode == status, (
        f"drover {' '.join(args)}: exit {p.returncode}, not {status}\n{p.stdout}\n{p.stderr}")
    assert "Sanitizer" not in p.stderr, p.stderr
    return Result(p.returncode, p.stdout, p.stderr)


class Terminal:
    """A command on a pseudo terminal of its own."""

    def __init__(self, *args, columns=80, server=None, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
            os.execve(PROGRAM, [PROGRAM, *args], dict(environment(server), TERM="xterm",
                                                      **(env or {})))
        self.text = ""

    def read_until(self, text):
        while text not in self.text:
            assert self.read_some(), f"ended before {text!r}:\n{self.text}"

    def read_some(self):
        ready, _, _ = select.select([self.fd], [], [], STALL_SECONDS)
        assert ready, f"stalled:\n{self.text}"
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def interrupt(self):
        os.write(self.fd, b"\x03")

    def end(self):
        """Reads to the end; the exit status, 128 + n for a signal."""
        while self.read_some():
            pass
        os.close(self.fd)
        _, status = os.waitpid(self.pid, 0)
        return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def end_and_wait(pid):
    """Ends a process that was left to this one (a child subreaper) and waits for it."""
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
