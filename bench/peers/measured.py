"""How long a peer took, by the wall and by the processor, and what it tells of it in the last line that it prints."""
import json
import resource
import time


def instant():
    """Returns the present instant of both clocks."""
    return time.perf_counter(), time.process_time()


def since(began):
    """Returns how many seconds went by on both clocks."""
    return tuple(now - then for now, then in zip(instant(), began))


def report(units, took, **more):
    """Tells what so many units took."""
    seconds, processor = took
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"units": units, **more, "seconds": seconds, "cpu_seconds": processor, "peak_kib": peak}))
