"""What stands between the supervisor and a child: it ties the child's life to its parent's, then becomes the child.

Run by path (`python -IS leash.py PARENT_PID COMMAND…`), so it may import nothing but the standard library.
Linux sends the child SIGTERM when its parent dies, however it dies; elsewhere the child merely starts.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to `arguments[0]`, a process id, and execute the rest."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):  # the parent died before the line above
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
