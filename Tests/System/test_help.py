# SPDX-License-Identifier: Apache-2.0
"""The commands that are promised are there: every verb and flag, with an example in its --help; a wrong command line is told so in kubectl's words.

The table is that of the documentation. Words of errors: kubernetes staging/src/k8s.io/kubectl/pkg/cmd (cobra's, as kubectl prints them)."""
import os, re, shutil, subprocess, tempfile, unittest

MODES = ("root",)
BIN = os.environ["PODLAB_BIN"]

PODCTL = {
    "apply": "-f -R --dry-run -o --force -l -n --root",
    "create": "-f -R --dry-run -o --save-config -n",
    "create secret generic": "--from-literal --from-file --from-env-file --type --dry-run -o -n",
    "create secret tls": "--cert --key --dry-run -o -n",
    "create secret docker-registry": "--docker-server --docker-username --docker-password --docker-email --from-file --dry-run -o -n",
    "create configmap": "--from-literal --from-file --from-env-file --dry-run -o -n",
    "create serviceaccount": "--dry-run -o -n",
    "replace": "-f --force --grace-period --dry-run -o -n",
    "edit": "-f -o --subresource -n",
    "set image": "-f --all -l --dry-run -o -n",
    "patch": "-f -p --patch-file --type --subresource --dry-run -o -n",
    "label": "--overwrite --list --all -l -A --dry-run -o -n",
    "annotate": "--overwrite --list --all -l -A --dry-run -o -n",
    "taint": "--overwrite --all -l --dry-run -o",
    "cordon": "-l --dry-run",
    "uncordon": "-l --dry-run",
    "get": "-o -w --watch-only --output-watch-events -A -l -L --field-selector --sort-by --show-labels --no-headers --ignore-not-found --raw -n",
    "events": "--for --types -w -A --no-headers -o -n",
    "describe": "-f -l -A --show-events -n",
    "logs": "-c -f -p --tail --since --timestamps --all-containers --prefix -n",
    "exec": "-i -t -c -n",
    "attach": "-i -t -c -n",
    "cp": "-c -n",
    "debug": "--image -i -t -c --custom -n",
    "run": "--image --env --port -l --annotations --restart --image-pull-policy --command --privileged --overrides --override-type -i -t --attach --leave-stdin-open --rm -q --dry-run -o -n",
    "port-forward": "-n",
    "delete": "-f -l --all --field-selector --grace-period --force --now --wait --timeout --ignore-not-found --cascade -o -n",
    "wait": "--for --timeout --all -l -A -f -o -n",
    "api-versions": "",
    "api-resources": "-o --namespaced --no-headers",
    "version": "--client -o",
    "completion": "",
    "top": "--containers -l --sort-by --no-headers -A -n",
    "explain": "--recursive --api-version --output",
    "image pull": "--platform --tls-verify --authfile --timeout -q --root",
    "image push": "--tls-verify --authfile --timeout -q --root",
    "image ls": "-o --no-headers --root",
    "image build": "--unless-present --refresh --quiet",
    "image import": "-q",
    "image export": "-o --format",
    "image rm": "",
    "image prune": "--dry-run -o",
    "image fsck": "--repair -o",
}
LAB = {
    "list": "",
    "run": "--no-pause --trace --keep --lang --record",
    "export": "",
    "learn": "--plain --lang",
    "start": "",
    "check": "--keep -o",
    "hint": "",
    "reset": "",
    "solution": "",
    "grade": "--out --jobs",
    "progress": "",
    "shell": "--container",
    "doctor": "",
    "clean": "--all",
}
# The verbs whose --help carries no example: there is one way only to say them.
PLAIN = {"lab list", "lab progress", "lab doctor"}


def run(program, *args):
    return subprocess.run([BIN + "/" + program, *args], capture_output=True, text=True, timeout=120)


class Help(unittest.TestCase):
    def table(self, program, verbs):
        top = run(program, "--help")
        self.assertEqual(top.returncode, 0, top.stderr)
        for verb, flags in verbs.items():
            with self.subTest(program + " " + verb):
                self.assertRegex(top.stdout, r"(?m)^  %s\b" % re.escape(verb.split()[0]))
                r = run(program, *verb.split(), "--help")
                self.assertEqual((r.returncode, r.stderr), (0, ""))
                self.assertIn("USAGE: %s %s" % (program, verb), r.stdout)
                for flag in flags.split():
                    self.assertRegex(r.stdout, r"(?m)^  .*(?<![\w-])%s(?![\w-])" % re.escape(flag))
                if program + " " + verb not in PLAIN:
                    self.assertRegex(r.stdout, r"Examples?:[\s\S]*%s %s" % (program, re.escape(verb.split()[0])))

    def test_podctl(self):
        self.table("podctl", PODCTL)

    def test_lab(self):
        self.table("lab", LAB)

    def test_every_verb_is_in_the_table(self):
        for program, verbs in (("podctl", PODCTL), ("lab", LAB)):
            text = run(program, "--help").stdout.split("SUBCOMMANDS:")[1]
            there = set(re.findall(r"(?m)^  ([a-z][\w-]*)(?: \(default\))?(?:\s{2,}|$)", text)) - {"help"}
            self.assertEqual(there - {v.split()[0] for v in verbs}, set(), program)


class WrongCommandLines(unittest.TestCase):
    def refused(self, args, *words):
        r = run("podctl", *args)
        self.assertEqual((r.returncode, r.stdout), (1, ""), args)
        for w in words:
            self.assertRegex(r.stderr, w)
        self.assertRegex(r.stderr, r"\Aerror: ")
        self.assertLessEqual(len(r.stderr.strip().split("\n")), 4, r.stderr)

    def test_words(self):
        see = r"(?m)^See 'podctl get --help' for usage\.$"
        self.refused(["get", "pods", "--foo"], r"(?m)^error: unknown flag: --foo$", see)
        self.refused(["get", "pods", "--foo=1"], r"(?m)^error: unknown flag: --foo$", see)
        self.refused(["get", "pods", "-Z"], r"(?m)^error: unknown shorthand flag: 'Z' in -Z$", see)
        self.refused(["get", "pods", "-o"], r"(?m)^error: flag needs an argument: -o$", see)
        self.refused(["delete", "pod", "x", "--grace-period=a"], r'(?m)^error: invalid argument "a" for "--grace-period" flag')
        self.refused(["nonsense"], r'(?m)^error: unknown command "nonsense" for "podctl"$')
        self.refused(["gte", "pods"], r'(?m)^error: unknown command "gte" for "podctl"$', r"Did you mean this\?\n\tget")
        self.refused(["create", "secret", "generic", "x", "--append-hash"], r"(?m)^error: unknown flag: --append-hash$")
        self.refused(["apply", "-k", "folder"], r"-k is not supported here")
        self.refused(["apply", "-f", "x.yaml", "--prune"], r"--prune is not supported here")
        self.refused(["apply", "-f", "x.yaml", "--validate=false"], r"--validate=false is not supported here")
        self.refused(["create", "-f", "x.yaml", "--validate=foo"], r'invalid validate option "foo"; must be one of: strict \(or true\), warn, ignore \(or false\)')
        self.refused(["get", "pods", "-o", "go-template={{.}}"], r"go-template.* is not supported here")
        self.refused(["rollout", "status", "deploy/x"], r'(?m)^error: unknown command "rollout" for "podctl": kubectl has it')
        self.refused(["create", "namespace", "x"], r'(?m)^error: unknown command "namespace" for "podctl create"', r"(?m)^See 'podctl create -h' for help and examples$")
        self.refused(["create", "token"], r"(?m)^error: exactly one NAME is required, got 0$")
        self.refused(["run", "x", "--image="], r"(?m)^error: --image is required$")
        self.refused(["top", "pod", "--sort-by=name"], r"(?m)^error: --sort-by accepts only cpu or memory$")
        self.refused(["completion"], r"(?m)^error: Shell not specified\.$")
        self.refused(["get", "widgets"], r"""(?m)^error: the server doesn't have a resource type "widgets"$""")


class Completion(unittest.TestCase):
    def test_scripts_are_read_by_their_shells(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
            with self.subTest(shell):
                r = run("podctl", "completion", shell)
                self.assertEqual((r.returncode, r.stderr), (0, ""))
                for verb in ("apply", "describe", "taint"):
                    self.assertIn(verb, r.stdout)
                if shutil.which(shell):
                    with tempfile.NamedTemporaryFile("w", suffix="." + shell) as f:
                        f.write(r.stdout)
                        f.flush()
                        c = subprocess.run([*check, f.name], capture_output=True, text=True, timeout=60)
                        self.assertEqual((c.returncode, c.stderr), (0, ""))

    def test_bash_completes_a_verb(self):
        script = 'source <("$0" completion bash); f=$(complete -p podctl | sed "s/.*-F \\([^ ]*\\).*/\\1/"); COMP_WORDS=(podctl des); COMP_CWORD=1; COMP_LINE="podctl des"; COMP_POINT=10; "$f" podctl des podctl; printf "%s\\n" "${COMPREPLY[@]}"'
        r = subprocess.run(["bash", "-c", script, BIN + "/podctl"], capture_output=True, text=True, timeout=60)
        self.assertIn("describe", r.stdout.split(), r.stderr)


if __name__ == "__main__":
    unittest.main()
