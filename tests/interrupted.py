"""Start programs that Ctrl-C ends, wherever the tests were started from."""

import signal
import subprocess


def heed_interrupts():
    """Take SIGINT as usual: what a shell starts in the background ignores it, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end(process, within_s=20):
    """Interrupt a process and wait until it has ended; one that does not end is killed, and that is a failure."""
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()
