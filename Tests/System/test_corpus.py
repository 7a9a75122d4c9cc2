# SPDX-License-Identifier: Apache-2.0
"""774 manifests of other people: none crashes us, and every Pod is accepted or refused as Kubernetes would. The oracle is kubernetes-validate (PyPI),
which knows the schema of 1.37; where we refuse what the schema allows, it is for a rule of the API's validation, and the rule is named in
Tests/Conformance/corpus-judged.tsv, which holds every difference with the reason. PODLAB_MANIFESTS names the folder."""
import concurrent.futures, functools, json, os, subprocess, sys, unittest

MODES = ("first",)
BIN = os.environ["PODLAB_BIN"]
CORPUS = os.environ.get("PODLAB_MANIFESTS", "")
JUDGED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Conformance", "corpus-judged.tsv")


def podctl(text):
    r = subprocess.run([BIN + "/podctl", "apply", "--dry-run=client", "-f", "-"], input=text, capture_output=True, timeout=60)
    return r.returncode, r.stderr.decode(errors="replace")


def documents():
    import yaml
    for d, dirs, names in sorted(os.walk(CORPUS)):
        dirs.sort()
        for n in sorted(names):
            if not n.endswith((".yaml", ".yml", ".json")):
                continue
            path = os.path.join(d, n)
            with open(path, "rb") as h:
                raw = h.read()
            try:
                docs = [x for x in yaml.safe_load_all(raw.decode("utf-8", "replace").replace("\t", "  ") if n.endswith(".json") else raw)]
            except Exception:
                docs = None
            yield os.path.relpath(path, CORPUS), raw, docs


def ours(doc):
    code, said = podctl(json.dumps(doc, default=str).encode())
    wrong = [l for l in said.splitlines() if not l.startswith("warning:")]
    return (code, wrong[0].split(": ", 1)[-1] if wrong else "")


@functools.lru_cache(maxsize=None)
def schema(kind):
    """The strict schema of 1.37 as kubernetes-validate has it; read once, which it does each time anew."""
    import importlib.resources, jsonschema, kubernetes_validate
    from referencing import Registry, Resource
    folder = importlib.resources.files(kubernetes_validate).joinpath("kubernetes-json-schema/v1.37.0-local-strict")
    read = lambda name: json.loads(folder.joinpath(name).read_text())
    own = read(kind.lower() + "-v1.json")
    return jsonschema.Draft202012Validator(own, registry=Resource.from_contents(read("_definitions.json")) @ (Resource.from_contents(own) @ Registry()))


def theirs(doc):
    import jsonschema
    doc = json.loads(json.dumps(doc, default=str))
    if doc.get("apiVersion") != "v1" or not isinstance(doc.get("kind"), str):
        return "no schema for it"
    try:
        error = jsonschema.exceptions.best_match(schema(doc["kind"]).iter_errors(doc))
    except FileNotFoundError:
        return "no schema for it"
    return str(error.message).split("\n")[0][:120] or type(error).__name__ if error else ""


def differences():
    """(file, number of the document, ours, theirs) of each Pod that only one of the two accepts."""
    pods = [(f, i, d) for f, _, docs in documents() for i, d in enumerate(docs or []) if isinstance(d, dict) and d.get("kind") == "Pod"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        mine = list(pool.map(lambda p: ours(p[2]), pods))
    out = []
    for (f, i, d), (code, why) in zip(pods, mine):
        other = theirs(d)
        if (code == 0) != (other == ""):
            out.append((f, str(i), why or "accepted", other or "accepted"))
    return len(pods), out


class Corpus(unittest.TestCase):
    def setUp(self):
        if not CORPUS:
            print("the manifest corpus is not here: PODLAB_MANIFESTS names its folder", file=sys.stderr)

    def test_no_file_crashes_us(self):
        if not CORPUS:
            return
        count = 0
        for f, raw, _ in documents():
            code, said = podctl(raw)
            self.assertIn(code, (0, 1), f)
            if code:
                self.assertTrue(said.strip(), f)
            count += 1
        self.assertGreater(count, 700)

    def test_every_pod_is_judged_as_kubernetes_would(self):
        if not CORPUS:
            return
        try:
            import kubernetes_validate  # noqa: F401
        except ImportError:
            print("kubernetes-validate is not here (pip install kubernetes-validate): only the crashes were looked for", file=sys.stderr)
            self.assertFalse(os.environ.get("CI"), "the gate installs kubernetes-validate")
            return
        count, found = differences()
        self.assertGreater(count, 100)
        with open(JUDGED) as h:
            known = {tuple(l.rstrip("\n").split("\t")[:2]): l.split("\t") for l in h if l.strip() and not l.startswith("#")}
        new = [x for x in found if (x[0], x[1]) not in known]
        self.assertEqual(new, [], "differences that nobody has judged")
        gone = set(known) - {(x[0], x[1]) for x in found}
        self.assertEqual(gone, set(), "judged differences that are no more")


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        n, found = differences()
        print("# %d pods" % n)
        for x in found:
            print("\t".join(x))
    else:
        unittest.main()
