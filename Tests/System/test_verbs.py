# SPDX-License-Identifier: Apache-2.0
"""podctl's verbs where a conformance case cannot reach: an editor, changes as they come, files of every kind.

Words: kubernetes staging/src/k8s.io/kubectl/pkg/cmd/util/editor, pkg/cmd/get, pkg/cmd/create."""
import json, os, re, select, signal, subprocess, tempfile, time, unittest

MODES = ("root", "single")
BIN = os.environ["PODLAB_BIN"]

POD = """apiVersion: v1
kind: Pod
metadata:
  name: %s
  labels: {tier: one}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sleep", "3600"]
"""


def podctl(*args, stdin=None, env=None):
    return subprocess.run([BIN + "/podctl", *args], input=stdin, capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})


class Watching:
    """A podctl that goes on; its lines are read as they come."""

    def __init__(self, *args):
        self.process = subprocess.Popen([BIN + "/podctl", *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.text = b""

    def until(self, pattern, seconds=120):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text.decode(), re.M):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError("%r did not come; there was:\n%s" % (pattern, self.text.decode()))
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise AssertionError("it ended; there was:\n" + self.text.decode())
            self.text += chunk
        return self.text.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process.stdout.close()


class Verbs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="verbs-")
        os.chmod(self.folder, 0o755)

    def tearDown(self):
        subprocess.run(["rm", "-rf", self.folder], check=True)

    def ok(self, *args, **more):
        r = podctl(*args, **more)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def editor(self, *steps):
        """An editor that runs one shell text after the other on the file, and keeps what it was given as seen.N."""
        path = self.folder + "/editor"
        cases = "\n".join("%d) %s ;;" % (i + 1, s) for i, s in enumerate(steps))
        with open(path, "w") as f:
            f.write('#!/bin/sh\nd=%s\nn=$(cat $d/n 2>/dev/null || echo 0); n=$((n+1)); echo $n >$d/n\ncp "$1" $d/seen.$n\ncase $n in\n%s\nesac\n' % (self.folder, cases))
        os.chmod(path, 0o755)
        return {"KUBE_EDITOR": path, "TMPDIR": self.folder}

    def seen(self, n):
        with open("%s/seen.%d" % (self.folder, n)) as f:
            return f.read()

    def left(self):
        return [f for f in os.listdir(self.folder) if f.startswith("podctl-edit-")]

    def test_lab_shell_in_a_container(self):
        self.ok("apply", "-f", "-", stdin=POD % "inside")
        try:
            self.ok("wait", "pod/inside", "--for=condition=Ready", "--timeout=100s")
            lab = lambda *args, **more: subprocess.run([BIN + "/lab", "shell", *args], capture_output=True, text=True, timeout=120, **more)
            r = lab("inside", "-c", "main", "--", "sh", "-c", "hostname; exit 7")
            self.assertEqual((r.returncode, r.stdout), (7, "inside\n"), r.stderr)
            r = lab("inside", input="hostname; exit 6\n")
            self.assertEqual((r.returncode, r.stdout), (6, "inside\n"), r.stderr)
            r = lab("--", "sh", "-c", "podctl get pods")
            self.assertIn("inside", r.stdout)
            r = lab("-c", "main", "--lang", "en")
            self.assertEqual((r.returncode, r.stdout), (2, ""))
            self.assertIn("lab shell POD -c NAME", r.stderr)
        finally:
            self.ok("delete", "pod", "inside", "--now")

    def test_edit(self):
        self.ok("create", "configmap", "edited", "--from-literal=k=1")
        try:
            env = self.editor(
                "true",  # unchanged
                'sed -i "s/^data:/dat:/" "$1"',  # refused: opened again with the reason
                'sed -i "s/^dat:/data:/; s/k: .*/k: changed/" "$1"',
                'sed -i "s/^data:/dat:/" "$1"',  # refused, and saved again as it was
                "true",
                ': >"$1"',  # empty
                "exit 3")
            r = podctl("edit", "configmap", "edited", env=env)
            self.assertEqual((r.returncode, r.stderr), (0, "Edit cancelled, no changes made.\n"))
            self.assertTrue(self.seen(1).startswith("# Please edit the object below. Lines beginning with a '#' will be ignored,\n"))
            r = podctl("edit", "configmap", "edited", env=env)
            self.assertEqual((r.returncode, r.stdout), (0, "configmap/edited edited\n"), r.stderr)
            self.assertIn('error: configmaps "edited" is invalid\n', r.stderr)
            self.assertRegex(self.seen(3), r'(?m)^# configmaps "edited" was not valid:\n# \* dat: unknown field')
            self.assertEqual(self.ok("get", "cm", "edited", "-o", "jsonpath={.data.k}"), "changed")
            self.assertEqual(self.left(), [])
            r = podctl("edit", "configmap", "edited", env=env)
            self.assertEqual(r.returncode, 1)
            self.assertIn("Edit cancelled, no valid changes were saved.", r.stderr)
            # Nothing that was typed is lost.
            kept = re.search(r'A copy of your changes has been stored to "(.*)"', r.stderr).group(1)
            with open(kept) as f:
                self.assertIn("dat:", f.read())
            os.unlink(kept)
            r = podctl("edit", "configmap", "edited", env=env)
            self.assertEqual((r.returncode, r.stderr), (0, "Edit cancelled, saved file was empty.\n"))
            r = podctl("edit", "configmap", "edited", env=env)
            self.assertEqual(r.returncode, 1)
            self.assertIn("there was a problem with the editor", r.stderr)
            self.assertEqual(podctl("edit", "cm", "edited", env={"KUBE_EDITOR": "/no/editor"}).returncode, 1)
            self.assertEqual(self.ok("get", "cm", "edited", "-o", "jsonpath={.data.k}"), "changed")
        finally:
            podctl("delete", "cm", "edited")

    def test_edit_of_resources_alone(self):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sized"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [
            {"name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"], "resources": {"requests": {"memory": "8Mi"}}}]}}
        r = podctl("apply", "-f", "-", stdin=json.dumps(pod))
        self.assertEqual(r.returncode, 0, r.stderr)
        self.addCleanup(podctl, "delete", "pod", "sized", "--grace-period=0", "--force")
        env = self.editor('sed -i "s/memory: 8Mi/memory: 9Mi/; s/image: busybox/image: other:1/" "$1"')
        r = podctl("edit", "pod", "sized", "--subresource=resize", env=env)
        self.assertEqual((r.returncode, r.stdout), (0, "pod/sized edited\n"), r.stderr)
        self.assertEqual(self.ok("get", "pod", "sized", "-o", "jsonpath={.spec.containers[0].resources.requests.memory} {.spec.containers[0].image}"), "9Mi busybox")
        r = podctl("edit", "pod", "sized", "--subresource=scale", env=env)
        self.assertEqual((r.returncode, r.stderr), (1, 'error: invalid subresource value: "scale". Must be one of [resize]\n'))

    def test_a_watch_tells_of_what_comes_changes_and_goes(self):
        with Watching("get", "pods", "-w", "--output-watch-events", "--field-selector", "metadata.name=watched") as w:
            self.ok("apply", "-f", "-", stdin=POD % "watched")
            text = w.until(r"^(ADDED|MODIFIED) +watched +1/1 +Running ")
            self.assertRegex(text, r"\AEVENT +NAME +READY +STATUS +RESTARTS +AGE\nADDED +watched ")
            self.ok("label", "pod", "watched", "more=1")
            self.ok("delete", "pod", "watched")
            text = w.until(r"^DELETED +watched +\S+ +Terminating ")
            self.assertEqual(text.count("NAME"), 1)
            self.assertNotIn("Unknown", text)

    def test_a_cordoned_node_takes_no_pod(self):
        self.assertEqual(self.ok("cordon", "podlab", "--dry-run=client"), "node/podlab cordoned (dry run)\n")
        self.assertEqual(self.ok("cordon", "podlab"), "node/podlab cordoned\n")
        try:
            self.assertEqual(self.ok("cordon", "node/podlab"), "node/podlab already cordoned\n")
            self.assertRegex(self.ok("get", "nodes"), r"(?m)^podlab +Ready,SchedulingDisabled ")
            self.ok("apply", "-f", "-", stdin=POD % "held")
            self.ok("wait", "--for=condition=PodScheduled=false", "pod/held", "--timeout=60s")
            self.assertEqual(self.ok("uncordon", "podlab"), "node/podlab uncordoned\n")
            self.ok("wait", "--for=condition=Ready", "pod/held", "--timeout=60s")
            self.assertEqual(self.ok("uncordon", "podlab"), "node/podlab already uncordoned\n")
        finally:
            podctl("uncordon", "podlab")
            podctl("delete", "pod", "held", "--ignore-not-found")
        self.assertEqual(podctl("cordon").stderr.split("\n")[0], "error: USAGE: cordon NODE [flags]")

    def test_what_was_changed_is_seen_at_once(self):
        self.ok("apply", "-f", "-", stdin=POD % "changed")
        self.ok("wait", "--for=condition=Ready", "pod/changed", "--timeout=60s")
        for n in range(20):
            version = self.ok("label", "pod", "changed", "n=%d" % n, "--overwrite", "-o", "jsonpath={.metadata.resourceVersion}")
            self.assertEqual(self.ok("get", "pod", "changed", "-o", "jsonpath={.metadata.labels.n} {.metadata.resourceVersion}"), "%d %s" % (n, version))
        self.ok("delete", "pod", "changed")

    def test_nothing_needs_to_be_there(self):
        """Every verb that only looks, as the first word to an instance that nobody has made."""
        for args in (["get", "nodes"], ["get", "node", "podlab", "-o", "json"], ["get", "pods,cm,secrets,sa,events"], ["describe", "node"], ["describe", "pods"], ["events"],
                     ["get", "all", "-A"], ["label", "node", "podlab", "a=b", "--dry-run=client"], ["taint", "node", "podlab", "a:NoSchedule", "--dry-run=client"],
                     ["cordon", "podlab", "--dry-run=client"], ["delete", "pods", "--all", "--dry-run=client"], ["label", "node", "podlab", "--list"], ["image", "ls"]):
            with self.subTest(" ".join(args)):
                self.ok(*args, "--root", self.folder + "/unmade")
                self.assertFalse(os.path.exists(self.folder + "/unmade"))

    def test_events_are_watched(self):
        with Watching("events", "--for", "pod/eventful", "--watch") as w:
            self.ok("apply", "-f", "-", stdin=POD % "eventful")
            w.until(r"^\S+ +Normal +Started +Pod/eventful ")
            self.ok("delete", "pod", "eventful")
            w.until(r"^\S+ +Normal +Killing +Pod/eventful +Stopping container main")

    def test_data_from_files(self):
        binary = bytes(range(256))
        os.mkdir(self.folder + "/d")
        for name, content in (("d/text", b"a\n"), ("d/bin", binary), ("app.env", b"# c\n A=1\nB=x=y\nHOME\n\n")):
            with open(self.folder + "/" + name, "wb") as f:
                f.write(content)
        os.symlink("text", self.folder + "/d/link")
        os.mkdir(self.folder + "/d/sub")
        out = json.loads(self.ok("create", "configmap", "c", "--from-file=" + self.folder + "/d", "--dry-run=client", "-o", "json"))
        self.assertEqual(out["data"], {"text": "a\n"})
        self.assertEqual(list(out["binaryData"]), ["bin"])
        out = json.loads(self.ok("create", "configmap", "c", "--from-env-file=" + self.folder + "/app.env", "--dry-run=client", "-o", "json", env={"HOME": self.folder}))
        self.assertEqual(out["data"], {"A": "1", "B": "x=y", "HOME": self.folder})
        for args, words in (
            (["--from-literal=x"], "invalid literal source x, expected key=value"),
            (["--from-file=a=b=c"], "key names or file paths cannot contain '='"),
            (["--from-file==x"], "key name for file path x missing"),
            (["--from-file=k=" + self.folder + "/d"], "cannot give a key name for a directory path"),
            (["--from-file=" + self.folder + "/none"], "error reading .*/none: no such file or directory"),
            (["--from-literal=a=1", "--from-literal=a=2"], 'cannot add key "a", another key by that name already exists in Data for ConfigMap "c"'),
            (["--from-literal=a=1", "--from-env-file=x"], "from-env-file cannot be combined with from-file or from-literal"),
        ):
            r = podctl("create", "configmap", "c", "--dry-run=client", *args)
            self.assertEqual(r.returncode, 1, args)
            self.assertRegex(r.stderr, r"\Aerror: " + words)

    def test_folders_with_all_that_is_below(self):
        os.makedirs(self.folder + "/m/deep")
        for path, name in (("m/a.yaml", "ra"), ("m/deep/b.json", "rb"), ("m/c.txt", "rc")):
            with open(self.folder + "/" + path, "w") as f:
                f.write('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "%s"}}' % name)
        try:
            self.assertEqual(self.ok("apply", "-f", self.folder + "/m"), "configmap/ra created\n")
            self.assertEqual(self.ok("apply", "-R", "-f", self.folder + "/m"), "configmap/ra unchanged\nconfigmap/rb created\n")
            self.assertEqual(self.ok("apply", "-f", self.folder + "/*/*.yaml", "-f", self.folder + "/m/d*/?.json"), "configmap/ra unchanged\nconfigmap/rb unchanged\n")
            os.symlink("nowhere", self.folder + "/m/gone.yaml")
            self.assertIn("does not exist", podctl("apply", "-f", self.folder + "/m/g*.yaml").stderr)
            os.unlink(self.folder + "/m/gone.yaml")
            self.assertEqual(
                self.ok("delete", "-R", "-f", self.folder + "/m"),
                'configmap "ra" deleted from default namespace\nconfigmap "rb" deleted from default namespace\n')
        finally:
            podctl("delete", "cm", "ra", "rb", "--ignore-not-found")


if __name__ == "__main__":
    unittest.main()
