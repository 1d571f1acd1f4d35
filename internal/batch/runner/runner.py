"""Runs an entry script on mini-batches, in several processes.

What is to be done stands in chunk.json beside this file; the arguments of the
entry script come on standard input. Python 3.8 and its standard library are
enough, but for tables, which need pandas.

What is left in the results folder:

    results.jsonl     a line for every mini-batch that has ended, as they end
    rows              the rows that run() returned, one mini-batch after another
    files/<i>/<o>/    what mini-batch i has written to output o
    shared/<p>/<o>/   what process p has written that no mini-batch can be told of
    summary.json      how it all went, written last
"""

import collections
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

TAIL = 12  # lines of a traceback that are kept
ERRORS = 5  # failed mini-batches that are told of in the summary
# A chunk takes so many seconds, and more where init() takes long; what is left
# then is for another one.
SHORT, LONG, INIT_SHARE = 20, 300, 20


def log(level, text):
    order = ["DEBUG", "INFO", "WARNING"]
    if order.index(level) >= order.index(log.level):
        sys.stderr.write("millrace: %s\n" % text)
        sys.stderr.flush()


log.level = "INFO"


def port(kind, name):
    return os.environ["AZURE_ML_%s_%s" % (kind, name)]


def write_json(path, value):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".new", path)


def cpus():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def devices():
    return [d for d in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if d]


class Lost(Exception):
    """The process has ended while it was to answer."""


class Process:
    """One process that has called init(), as its owner sees it."""

    def __init__(self, master, number):
        self.number = number
        self.private = os.path.join(master.out, "private", str(number))
        shutil.rmtree(self.private, ignore_errors=True)
        for name in master.spec["outputs"]:
            os.makedirs(os.path.join(self.private, name))
        theirs, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        env = dict(os.environ)
        gpus = devices()
        if gpus:
            env["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
        for name, output in master.spec["outputs"].items():
            path = os.path.join(self.private, name, output.get("file") or "").rstrip("/")
            for key in ("AZURE_ML_OUTPUT_" + name, "AZURE_ML_OUTPUT_" + name.upper(), "AZUREML_DATAREFERENCE_" + name):
                env[key] = path
        argv = [sys.executable, os.path.abspath(__file__), "--process", str(theirs), str(answers)]
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=env, pass_fds=(theirs, answers))
        os.close(theirs)
        os.close(answers)
        self.buffer = b""

    def tell(self, message):
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.commands, data):]
        except OSError:
            raise Lost()

    def hear(self, limit=None):
        """Waits for an answer; None when it takes longer than the limit."""
        end = None if limit is None else time.monotonic() + limit
        pieces = [self.buffer]
        while b"\n" not in pieces[-1]:
            wait = None if end is None else max(0, end - time.monotonic())
            if not select.select([self.answers], [], [], wait)[0]:
                self.buffer = b"".join(pieces)
                return None
            piece = os.read(self.answers, 1 << 20)
            if not piece:
                raise Lost()
            pieces.append(piece)
        line, _, self.buffer = b"".join(pieces).partition(b"\n")
        return json.loads(line)

    def end(self):
        """Ends the process with all that it has started, and says how it ended."""
        for kill in (os.killpg, os.kill):  # its group is its own once it runs
            try:
                kill(self.popen.pid, signal.SIGKILL)
            except OSError:
                pass
        code = self.popen.wait()
        os.close(self.commands)
        os.close(self.answers)
        return code

    def shut(self, limit):
        """Lets the process call shutdown(). True if it has."""
        try:
            self.tell({"shutdown": True})
            answer = self.hear(limit)
        except Lost:
            answer = None
        self.end()
        return answer is not None and not answer.get("error")


class Master:
    """Hands mini-batches to processes, and writes down what becomes of them."""

    def __init__(self, spec, arguments):
        self.spec = spec
        self.arguments = arguments
        self.out = port("OUTPUT", spec["results"])
        self.lock = threading.Lock()
        self.waiting = collections.deque(spec["batches"])
        self.retries = collections.deque()
        self.counts = {"batches": 0, "failed": 0, "items": 0, "failed_items": 0}
        self.errors = []
        self.broken = None  # why init() does not work
        self.crashes = 0
        self.stopped = False
        self.began = time.monotonic()
        self.begun = None  # when the first mini-batch was
        self.given = 0
        self.shared = False
        self.results = open(os.path.join(self.out, "results.jsonl"), "wb")
        self.rows = open(os.path.join(self.out, "rows"), "wb") if spec.get("rows") else None
        self.at = 0
        self.processes = spec.get("processes") or (len(devices()) or cpus())
        self.started = 0

    def main(self):
        count = min(self.processes, len(self.waiting))
        threads = [threading.Thread(target=self.drive) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.results.close()
        if self.rows:
            self.rows.close()
        shutil.rmtree(os.path.join(self.out, "private"), ignore_errors=True)
        if self.broken:
            sys.exit("millrace: %s" % self.broken)
        now = time.monotonic()
        summary = dict(self.counts, errors=self.errors, stopped=self.stopped, shared=self.shared, processes=self.processes)
        summary["left"] = len(self.waiting)
        summary["init_seconds"] = (self.begun or now) - self.began
        summary["seconds"] = now - (self.begun or now)
        write_json(os.path.join(self.out, "summary.json"), summary)

    def drive(self):
        """Looks after one process at a time until there is nothing to do."""
        process = None
        try:
            while True:
                batch = self.next()
                if batch is None:
                    break
                if process is None:
                    process = self.start()
                    if process is None:
                        break
                if not self.give(process, batch):
                    process = None
            if process is not None:
                self.finish(process)
        except Exception:
            with self.lock:
                self.broken = self.broken or "the runner failed:\n" + traceback.format_exc()
                self.stopped = True

    def next(self):
        with self.lock:
            if self.broken or self.stopped:
                return None
            if self.retries:
                return self.retries.popleft()
            if not self.waiting or self.enough():
                return None
            self.given += 1
            return self.waiting.popleft()

    def enough(self):
        """Whether so much has been done that others may do the rest."""
        if self.begun is None or self.given < self.spec.get("least", 0):
            return False
        limit = min(max(SHORT, INIT_SHARE * (self.begun - self.began)), LONG)
        return time.monotonic() - self.begun > limit

    def start(self):
        """Starts a process, and waits until it has called init()."""
        while True:
            with self.lock:
                number = self.started
                self.started += 1
            process = Process(self, number)
            spec = {k: self.spec.get(k) for k in ("entry", "rows", "outputs")}
            spec.update(arguments=self.arguments, private=process.private, out=self.out, data=port("INPUT", self.spec["input"]))
            try:
                process.tell(spec)
                answer = process.hear()
            except Lost:
                code = process.end()
                why = "the process ended in init() (%s)" % how(code)
            else:
                if not answer.get("error"):
                    with self.lock:
                        self.begun = self.begun or time.monotonic()
                        self.crashes = 0
                    return process
                process.end()
                why = "init() failed:\n" + answer["error"]
            with self.lock:
                self.crashes += 1
                if answer_is_final(why) or self.crashes > 2:
                    self.broken = self.broken or why
                    self.stopped = True
                if self.stopped:
                    return None
            log("WARNING", why + "; it is started again")

    def give(self, process, batch):
        """Has a process work on a mini-batch. False if the process is gone."""
        begin = time.monotonic()
        error, answer = None, None
        try:
            process.tell({"batch": batch})
            answer = process.hear(self.spec["timeout"])
        except Lost:
            error = "the process ended in run() (%s)" % how(process.end())
        if answer is None and error is None:
            process.end()
            error = "run() took longer than the %d seconds that retry_settings.timeout allows" % self.spec["timeout"]
        if answer is not None:
            error = answer.get("error")
        alive = answer is not None
        took = time.monotonic() - begin
        batch["tries"] = batch.get("tries", 0) + 1
        if error and batch["tries"] <= self.spec["retries"]:
            log("WARNING", "mini-batch %d failed, and is tried again: %s" % (batch["n"], error.strip().splitlines()[-1]))
            with self.lock:
                self.retries.append(batch)
        else:
            self.ended(batch, answer, error, took)
        return alive

    def ended(self, batch, answer, error, took):
        items = batch.get("items") or len(batch.get("files") or ())
        line = {"i": batch["i"], "ok": not error, "items": items, "tries": batch["tries"], "seconds": round(took, 6)}
        with self.lock:
            if error:
                line["error"] = "\n".join(error.strip().splitlines()[-TAIL:])
                missing = items
                if len(self.errors) < ERRORS:
                    what = batch.get("files") or [str(batch.get("keys") or "mini-batch %d" % batch["n"])]
                    self.errors.append({"i": batch["i"], "n": batch["n"], "files": what[:3], "error": line["error"]})
                log("WARNING", "mini-batch %d failed: %s" % (batch["n"], error.strip()))
            else:
                line["returned"] = answer["returned"]
                missing = max(0, items - answer["returned"])
                if answer.get("files"):
                    line["files"] = answer["files"]
                if self.rows:
                    data = answer.get("rows", "").encode("utf-8", "surrogatepass")
                    self.rows.write(data)
                    self.rows.flush()
                    line["at"], line["length"] = self.at, len(data)
                    self.at += len(data)
                log("DEBUG", "mini-batch %d: %d of %d items in %.3f s" % (batch["n"], answer["returned"], items, took))
            self.results.write(json.dumps(line).encode() + b"\n")
            self.results.flush()
            counts = self.counts
            counts["batches"] += 1
            counts["failed"] += bool(error)
            counts["items"] += items
            counts["failed_items"] += missing
            for count, most in (("failed", "most_failed"), ("failed_items", "most_failed_items")):
                if 0 <= self.spec.get(most, -1) < counts[count]:
                    self.stopped = True

    def finish(self, process):
        """Ends a process in peace, and keeps what it alone has written."""
        if not process.shut(self.spec["timeout"]):
            log("WARNING", "shutdown() did not succeed")
        for name in self.spec["outputs"]:
            folder = os.path.join(process.private, name)
            if any(files for _, _, files in os.walk(folder)):
                with self.lock:
                    self.shared = True
                target = os.path.join(self.out, "shared", str(process.number), name)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.rename(folder, target)


def answer_is_final(why):
    """A script that raises does so again; one whose process is gone may not."""
    return why.startswith("init() failed")


def how(code):
    if code < 0:
        try:
            return "killed by %s" % signal.Signals(-code).name
        except ValueError:
            return "killed by signal %d" % -code
    return "exit code %d" % code


def main():
    os.umask(0o022)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "chunk.json"), encoding="utf-8") as file:
        spec = json.load(file)
    log.level = spec.get("log_level") or "INFO"
    arguments = shlex.split(sys.stdin.read())
    if spec.get("table") is not None:
        import table

        table.cut(spec, port("INPUT", spec["input"]), port("OUTPUT", spec["results"]))
        return
    Master(spec, arguments).main()


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--process":
        import process

        process.main(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
