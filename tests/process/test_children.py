"""Forked processes, and children of multiprocessing: what they report and send (A13, H2)."""

from __future__ import annotations

import pytest

from harness.programs import INIT, THREE, Programs, ends


def test_forked_child_ends_like_its_parent(programs: Programs) -> None:
    """From the main thread and from another: SIGTERM, ``os._exit``, and counters from 0."""
    process = programs.start(
        "queue(); handle.flush()\n"
        "def child(end):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        assert sentryinit.stats()['delivered'] == 0\n"
        "        sentry_sdk.capture_message(end)\n"
        "        exec(end)\n"
        "    print(os.waitpid(pid, 0)[1])\n"
        "for end in ('os.kill(os.getpid(), 15)', 'os._exit(3)'):\n"
        "    thread = threading.Thread(target=child, args=(end,))\n"
        "    child(end); thread.start(); thread.join()\n"
        "print(subprocess.run([sys.executable, '-c', 'import signal; print(signal.getsignal(15))'],"
        " capture_output=True, text=True).stdout)\n"
    )
    ours = ["os._exit(3)", "os.kill(os.getpid(), 15)"]
    assert ends(process, 0) == sorted([*THREE, *ours, *ours])
    # Python warns of a fork while there are threads.
    shown = [each for each in process.output.split() if each.isdigit() or "SIG" in each]
    assert shown == [*["15"] * 2, *["768"] * 2, *shown[4:]]
    # A program that is executed starts with the default action.
    assert shown[4:] in (["Handlers.SIG_DFL"], ["0"])


CHILDREN = """
class Subclass(multiprocessing.Process):
    def run(self):
        queue(); fail()

def log():
    try:
        fail()
    except LookupError as error:
        import logging
        logging.getLogger("shop").exception("no price")
        raise

def interrupt():
    raise KeyboardInterrupt

def leave():
    sys.exit(3)

# One after the other: their lines on stderr have an order.
targets = [multiprocessing.Process(target=each) for each in (fail, log, interrupt, leave)]
for child in (*targets, Subclass()):
    child.start(); child.join(); print("exit", child.exitcode, flush=True)
victim = multiprocessing.Process(target=time.sleep, args=(20,))
victim.start(); victim.terminate(); victim.join(); print("exit", victim.exitcode, flush=True)
"""


def test_exception_that_leaves_a_child_is_one_event(programs: Programs) -> None:
    """A13: with its other events; the child prints and returns what it does without us."""
    code = f"multiprocessing.set_start_method('fork')\n{CHILDREN}"
    bare = programs.start(code, init="queue = list")
    assert ends(bare, 0) == []
    expected = bare.output
    process = programs.start(code, init=INIT)
    assert ends(process, 0) == sorted([*["LookupError"] * 3, *THREE])
    shown = [line for line in process.output.splitlines() if "sentryinit" not in line]
    assert shown == expected.splitlines()
    status = [line.split()[1] for line in shown if line.startswith("exit")]
    assert status == ["1", "1", "1", "3", "1", "-15"]


@pytest.mark.parametrize(
    "method,init,first",
    [("forkserver", INIT, ""), ("spawn", "", "sentryinit.init('shop')")],
    ids=["set up by the module", "set up by the target"],
)
def test_exception_that_leaves_a_child_which_is_not_forked_is_one_event(
    programs: Programs, method: str, init: str, first: str
) -> None:
    """A13: where the child imports the program anew."""
    code = (
        f"def target():\n    {first}\n    fail()\n"
        "if __name__ == '__main__':\n"
        f"    child = multiprocessing.get_context({method!r}).Process(target=target)\n"
        "    child.start(); child.join(); sys.exit(child.exitcode)\n"
    )
    assert ends(programs.start(code, init=init), 1) == ["LookupError"]


POOLS = {
    "pool": "with multiprocessing.get_context(M).Pool(1) as pool:\n"
    "        pool.apply(queue); pool.close(); pool.join()",
    "executor": "from concurrent.futures import ProcessPoolExecutor\n"
    "    with ProcessPoolExecutor(1, multiprocessing.get_context(M)) as pool:\n"
    "        pool.submit(queue).result()",
    "terminated": "with multiprocessing.get_context(M).Pool(1) as pool:\n        pool.apply(queue)",
}


@pytest.mark.parametrize(
    "pool,method",
    [
        ("pool", "fork"),
        ("executor", "fork"),
        ("terminated", "fork"),
        ("executor", "forkserver"),
    ],
)
def test_events_of_workers_are_delivered(programs: Programs, pool: str, method: str) -> None:
    """The workers of pools end by ``os._exit``, or by SIGTERM."""
    code = "if __name__ == '__main__':\n    " + POOLS[pool].replace("M)", f"{method!r})")
    assert ends(programs.start(code), 0) == THREE
