"""One process of the runner: it calls init() once, and run() for every
mini-batch that it is given."""

import importlib.util
import inspect
import json
import os
import pickle
import sys
import traceback


class MiniBatchContext:
    """What run() is told of a mini-batch, if it has a second parameter."""

    def __init__(self, batch):
        self.minibatch_index = self.mini_batch_index = str(batch["n"])
        self.partition_key_value = dict(batch.get("keys") or [])

    def __repr__(self):
        return "MiniBatchContext(minibatch_index=%r, partition_key_value=%r)" % (self.minibatch_index, self.partition_key_value)


def wants_context(run):
    try:
        parameters = list(inspect.signature(run).parameters.values())
    except (TypeError, ValueError):
        return False
    if any(p.name == "mini_batch_context" for p in parameters):
        return True
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    return len(places) > 1


def rows_of(result):
    """The rows that a result is in the file that they are appended to."""
    if type(result).__module__.partition(".")[0] == "pandas" and hasattr(result, "to_csv"):
        return result.to_csv(header=False, index=False, sep=" ")
    return "".join("%s\n" % (item,) for item in result)


def open_files():
    """The files that this process has open, as far as the system tells."""
    found = set()
    try:
        numbers = os.listdir("/dev/fd")
    except OSError:
        return found
    for number in numbers:
        try:
            if sys.platform == "darwin":
                import fcntl

                path = fcntl.fcntl(int(number), 50, b"\0" * 1024).rstrip(b"\0")  # F_GETPATH
                found.add(os.path.realpath(os.fsdecode(path)))
            else:
                found.add(os.readlink("/proc/self/fd/" + number))
        except (OSError, ValueError):
            pass
    return found


class Script:
    """The entry script."""

    def __init__(self, spec):
        self.spec = spec
        self.private = os.path.realpath(spec["private"])
        self.own = set()  # files that belong to no mini-batch
        entry = os.path.abspath(spec["entry"])
        if not os.path.exists(entry):
            raise FileNotFoundError("the code has no file %s" % spec["entry"])
        sys.argv = [entry] + spec["arguments"]
        sys.path[0] = os.path.dirname(entry)
        if os.getcwd() not in sys.path:
            sys.path.insert(1, os.getcwd())
        name = os.path.splitext(os.path.basename(entry))[0]
        found = importlib.util.spec_from_file_location(name, entry)
        self.module = sys.modules[name] = importlib.util.module_from_spec(found)
        found.loader.exec_module(self.module)
        self.run = self.function("run")
        if self.run is None:
            raise AttributeError("%s has no function run()" % spec["entry"])
        self.context = wants_context(self.run)
        init = self.function("init")
        if init is not None:
            init()
        self.own.update(self.files())

    def function(self, name):
        for spelling in (name, name.capitalize()):
            f = getattr(self.module, spelling, None)
            if callable(f):
                return f
        return None

    def files(self):
        for folder, _, names in os.walk(self.private):
            for name in names:
                yield os.path.join(folder, name)

    def work(self, batch):
        if batch.get("pack"):
            with open(os.path.join(self.spec["data"], batch["pack"]), "rb") as file:
                file.seek(batch["at"])
                data = pickle.loads(file.read(batch["length"]))
        else:
            data = [os.path.join(self.spec["data"], f) for f in batch["files"]]
        result = self.run(data, MiniBatchContext(batch)) if self.context else self.run(data)
        if result is None or isinstance(result, (str, bytes, dict)) or not hasattr(result, "__len__"):
            raise TypeError("run() must return a list, a tuple or a DataFrame, with an item for each that went well; it returned %s" % type(result).__name__)
        answer = {"returned": len(result)}
        if self.spec.get("rows"):
            answer["rows"] = rows_of(result)
        sys.stdout.flush()
        files = self.take(batch)
        if files:
            answer["files"] = files
        return answer

    def written(self):
        """The files that have been written since, but for those that are open
        still: what is in them is not whole."""
        found = [f for f in self.files() if f not in self.own]
        if found:
            held = open_files()
            self.own.update(f for f in found if f in held)
            found = [f for f in found if f not in held]
        return found

    def take(self, batch):
        """Puts aside what a mini-batch has written."""
        names = []
        for path in self.written():
            name = os.path.relpath(path, self.private)
            target = os.path.join(self.spec["out"], "files", str(batch["i"]), name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(path, target)
            names.append(name)
        return sorted(names)

    def discard(self):
        """Removes what a mini-batch has written that failed."""
        for path in self.written():
            os.unlink(path)


def short(error):
    """A traceback without the lines of the runner's own."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    here = os.path.dirname(os.path.abspath(__file__))
    text = "".join(line for line in lines if here not in line.partition("\n")[0])
    return text.replace(os.getcwd() + os.sep, "")


def main(commands, answers):
    os.setpgrp()  # so that all it starts can be ended with it
    for number in (commands, answers):
        os.set_inheritable(number, False)
    source = os.fdopen(commands, "rb")
    sink = os.fdopen(answers, "wb")

    def answer(value):
        sink.write(json.dumps(value).encode() + b"\n")
        sink.flush()

    def attempt(f, *args):
        try:
            return f(*args) or {}
        except BaseException as error:  # also SystemExit: a script must not end the node
            return {"error": short(error)}

    spec = json.loads(source.readline() or b"null")
    if spec is None:
        return
    for name, output in spec["outputs"].items():
        path = os.path.join(spec["private"], name, output.get("file") or "").rstrip("/")
        spec["arguments"] = [a.replace("{{millrace-output:%s}}" % name, path) for a in spec["arguments"]]
    script = None

    def begin():
        nonlocal script
        script = Script(spec)

    answer(attempt(begin))
    for line in source:
        command = json.loads(line)
        if command.get("shutdown"):
            shutdown = script.function("shutdown")
            answer(attempt(shutdown) if shutdown else {})
            break
        result = attempt(script.work, command["batch"])
        if "error" in result:
            attempt(script.discard)
        answer(result)
    sys.stdout.flush()
