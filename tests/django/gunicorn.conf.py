"""Ends a Gunicorn whose test is gone: its standard input is a pipe that only the test holds open."""

import os
import signal
import threading

# Newer versions open one in the home directory, the same for every instance; older ones skip the name.
control_socket_disable = True


def when_ready(server):
    def wait_for_the_end():
        while os.read(0, 1):
            pass
        os.kill(server.pid, signal.SIGTERM)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
