# SPDX-License-Identifier: Apache-2.0
"""Every field of a Pod, a Secret, a ConfigMap and a ServiceAccount that have them all, spoiled in every way that its type has: another type, nothing,
null, too much, too little, a name that is none, a field that nobody knows at every depth. What the schema of 1.37 (kubernetes-validate --strict) refuses we
refuse, naming the field; what it accepts we accept, or a rule of the API's validation says no (RULES: the field, and how it was spoiled). Then several at
once: all are told, in the order of the text. Not under a clock: a part of the ways is tried, PODLAB_TEST_ALL tries them all.

    test_every_field.py --list [PART]    every difference that nobody has judged"""
import concurrent.futures, copy, json, os, random, re, subprocess, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_corpus  # noqa: E402
from every_field import OBJECTS, POD  # noqa: E402

MODES = ("first",)
BIN = os.environ["PODLAB_BIN"]
PART = 1 if os.environ.get("PODLAB_TEST_ALL") else 80  # one of so many ways

NAMES = "blank pad bad slash dots abs neg uni nul nl dash dot ddot long5000"  # texts that are no names of any kind
CONTAINER = r"spec\.(initContainers|containers)\[\d+\]"
# The field → the ways in which the API's validation refuses what the schema accepts; others must be accepted. `any` stands for every way.
ENUM = NAMES + " under numstr long64 long254 upper estr"
DEFAULTED = NAMES + " under numstr long64 long254 upper"  # an empty one is its default
SUBDOMAIN = NAMES + " under upper long254"
LABEL = NAMES + " under upper long64 long254"
LABEL_VALUE = "blank pad bad slash dots abs long64 long254 long5000 neg uni nul nl dash dot ddot"
QUALIFIED = "estr blank pad bad dots abs long64 long254 long5000 neg uni nul nl dash dot ddot slash"
KEY = "estr blank pad bad slash dots abs long254 long5000 uni nul nl dot ddot"
AMOUNT = "estr blank pad bad slash dots abs long64 long254 long5000 neg under uni nul nl dash dot ddot unknown"
COUNT = "neg negbig max31 big huge"
PATH = "estr dots abs ddot"
RULES = [
    (r"metadata", "null empty drop"),
    (r"metadata\.name", SUBDOMAIN + " estr null drop"),
    (r"metadata\.generateName", SUBDOMAIN),
    (r"metadata\.namespace", LABEL),
    (r"metadata\.labels\..*|spec\.nodeSelector\..*|.*\.matchLabels\..*", LABEL_VALUE),
    (r"metadata\.finalizers", "strelem nullelem"),
    (r"metadata\.finalizers\[0\]", ENUM + " null"),
    (r"metadata\.ownerReferences(\[0\])?", "nullelem dup null"),
    (r"metadata\.ownerReferences\[0\]\.(apiVersion|kind|name|uid)", "estr null slash"),
    (r"metadata\.(creation|deletion)Timestamp|metadata\.managedFields\[0\]\.time", ENUM.replace(" upper", "")),
    (r"metadata\.(deletionGracePeriodSeconds|generation)", "neg negbig huge"),
    (r"metadata\.managedFields(\[0\])?", "nullelem null empty"),
    (r"metadata\.managedFields\[0\]\.fieldsType", DEFAULTED),
    (r"metadata\.managedFields\[0\]\.manager", "long254 long5000"),
    (r"metadata\.managedFields\[0\]\.operation", ENUM + " null drop"),
    (r"spec", "null drop"),
    (r"spec\.activeDeadlineSeconds", COUNT + " zero"),
    (r"spec\.containers", "empty nullelem dup"),
    (r"spec\.initContainers", "nullelem dup"),
    (CONTAINER, "null"),
    (CONTAINER + r"\.name", LABEL + " estr"),
    (CONTAINER + r"\.image", "estr null blank pad drop"),
    (CONTAINER + r"\.(imagePullPolicy|terminationMessagePolicy)|spec\.(restartPolicy|dnsPolicy|preemptionPolicy)|.*\.(protocol|scheme)|spec\.volumes\[\d+\]\.(image\.pullPolicy|hostPath\.type|emptyDir\.medium)", DEFAULTED),
    (CONTAINER + r"\.restartPolicy", ENUM + " null drop"),
    (r".*\.restartPolicyRules(\[0\](\.exitCodes)?)?", "nullelem null drop"),
    (r".*\.restartPolicyRules\[0\]\.(action|exitCodes\.operator)", ENUM + " null"),
    (r".*\.exitCodes\.values\[0\]", "negbig max31 big huge"),
    (r".*\.env(From)?(\[\d+\])?", "nullelem null empty"),
    (r".*\.env\[\d+\]\.name", "estr uni nul nl"),
    (r".*\.valueFrom", "empty"),
    (r".*\.(configMapKeyRef|secretKeyRef|fieldRef|resourceFieldRef|fileKeyRef|configMapRef|secretRef|httpGet|grpc|tcpSocket|exec|sleep)", "null drop empty"),
    (r".*\.(configMapKeyRef|secretKeyRef|configMapRef|secretRef)\.name", SUBDOMAIN + " estr null drop"),
    (r".*\.(configMapKeyRef|secretKeyRef)\.key", KEY),
    (r".*\.fieldRef\.apiVersion", DEFAULTED),
    (r".*\.fieldRef\.fieldPath|.*\.resourceFieldRef\.resource", ENUM),
    (r".*\.items\[\d+\]\.resourceFieldRef\.containerName", "estr null drop"),
    (r".*\.divisor", AMOUNT + " int float pad upper numstr"),
    (r".*\.fileKeyRef\.volumeName|.*\.volumeMounts\[\d+\]\.name", ENUM),
    (r".*\.fileKeyRef\.path|spec\.volumes\[\d+\]\.hostPath\.path", "estr dots ddot"),
    (r".*\.fileKeyRef\.key", "estr uni nul nl"),
    (r".*\.envFrom\[\d+\]\.prefix", "uni nul nl"),
    (r".*\.ports(\[0\])?", "nullelem dup null"),
    (r".*\.ports\[0\]\.name", DEFAULTED + " numstr"),
    (r".*\.ports\[0\]\.containerPort", COUNT + " zero"),
    (r".*\.ports\[0\]\.hostPort", COUNT),
    (r".*\.ports\[0\]\.hostIP", DEFAULTED.replace(" upper", "")),
    (r".*Probe", "empty"),
    (r".*(httpGet|tcpSocket|grpc)\.port", ENUM + " str wholefloat zero " + COUNT),
    (r".*\.httpHeaders(\[0\])?", "nullelem null"),
    (r".*\.httpHeaders\[0\]\.name", "estr blank pad bad slash dots abs under uni nul nl dot ddot"),
    (r".*Probe\.(initialDelaySeconds|periodSeconds|timeoutSeconds|failureThreshold|successThreshold)", COUNT),
    (r".*Probe\.terminationGracePeriodSeconds", "neg negbig zero huge"),
    (r".*\.lifecycle\.(postStart|preStop)", "empty"),
    (r".*\.exec\.command(\[0\])?", "null empty drop"),
    (r".*\.sleep\.seconds", COUNT),
    (r".*\.stopSignal", ENUM),
    (r".*\.(limits|requests|overhead)", "unknown null empty drop"),
    (r".*\.(limits|requests|overhead)\.[a-z-]+|.*\.sizeLimit", AMOUNT + " int float pad upper numstr null drop"),
    (r".*\.resizePolicy(\[0\])?", "nullelem dup null"),
    (r".*\.resizePolicy\[0\]\.(resourceName|restartPolicy)", ENUM),
    (r".*\.(runAsUser|runAsGroup|fsGroup|supplementalGroups\[0\])", COUNT),
    (r".*\.seccompProfile\.type|.*\.appArmorProfile\.type", ENUM),
    (r".*\.seccompProfile\.localhostProfile", "null drop dots abs ddot"),
    (r".*\.appArmorProfile\.localhostProfile", "null drop estr blank pad long5000"),
    (r".*\.privileged", "flip"),
    (r".*\.(procMount|recursiveReadOnly|mountPropagation|fsGroupChangePolicy|supplementalGroupsPolicy|seLinuxChangePolicy|nodeAffinityPolicy|nodeTaintsPolicy)", ENUM),
    (r".*\.volumeMounts(\[\d+\])?", "nullelem dup null"),
    (r".*\.volumeMounts\[\d+\]\.mountPath", "estr"),
    (r".*\.volumeMounts\[\d+\]\.readOnly", "null flip drop"),
    (r".*\.(subPath|subPathExpr)", "dots abs ddot"),
    (r"spec\.dnsConfig", "null empty drop"),
    (r"spec\.dnsConfig\.nameservers(\[0\])?", ENUM.replace(" upper", "") + " null empty strelem nullelem drop"),
    (r"spec\.dnsConfig\.searches(\[0\])?", "estr blank pad upper bad slash dots abs long254 long5000 neg uni nul nl dash ddot null nullelem"),
    (r"spec\.dnsConfig\.options(\[0\])?", "nullelem null empty"),
    (r"spec\.dnsConfig\.options\[0\]\.name", "estr null drop"),
    (r"spec\.hostAliases(\[0\])?", "nullelem null"),
    (r"spec\.hostAliases\[0\]\.ip", ENUM.replace(" upper", "")),
    (r"spec\.hostAliases\[0\]\.hostnames(\[0\])?", SUBDOMAIN + " estr null nullelem"),
    (r"spec\.hostNetwork", "flip"),
    (r"spec\.(hostname|subdomain)", LABEL),
    (r"spec\.(nodeName|priorityClassName|serviceAccountName)", SUBDOMAIN),
    (r"spec\.os", "null drop"),
    (r"spec\.os\.name", ENUM),
    (r"spec\.priority", "negbig max31 big huge"),
    (r"spec\.readinessGates(\[0\])?", "nullelem null"),
    (r"spec\.readinessGates\[0\]\.conditionType", QUALIFIED + " upper"),
    (r"spec\.schedulingGates", "nullelem"),
    (r"spec\.securityContext\.sysctls(\[0\])?", "nullelem dup null"),
    (r"spec\.securityContext\.sysctls\[0\]\.name", "estr blank pad upper bad dots abs long254 long5000 neg uni nul nl dash dot ddot"),
    (r"spec\.terminationGracePeriodSeconds", "neg negbig zero huge"),
    (r"spec\.tolerations(\[0\])?", "nullelem null empty"),
    (r"spec\.tolerations\[0\]\.key", QUALIFIED + " null drop"),
    (r"spec\.tolerations\[0\]\.operator", DEFAULTED),
    (r"spec\.tolerations\[0\]\.value", LABEL_VALUE),
    (r"spec\.tolerations\[0\]\.effect", ENUM + " null drop"),
    (r"spec\.tolerations\[0\]\.tolerationSeconds", "huge"),
    (r"spec\.topologySpreadConstraints(\[0\])?", "nullelem dup null"),
    (r".*\.(maxSkew|minDomains|weight)", COUNT + " zero"),
    (r".*\.topologyKey", QUALIFIED + " upper"),
    (r".*\.whenUnsatisfiable|.*\.(matchExpressions|matchFields)\[0\]\.operator", ENUM),
    (r".*\.labelSelector", "null drop"),
    (r".*\.(matchExpressions|matchFields)(\[0\])?", "nullelem null"),
    (r".*\.matchExpressions\[0\]\.key|.*atchLabelKeys(\[0\])?", QUALIFIED + " upper null nullelem"),
    (r".*\.(matchExpressions|matchFields)\[0\]\.values(\[0\])?", LABEL_VALUE + " null empty nullelem drop dup under upper estr"),
    (r".*\.matchFields\[0\]\.key", ENUM),
    (r".*nodeSelectorTerms(\[0\])?", "empty drop"),
    (r".*Execution(\[0\](\.podAffinityTerm)?)?", "nullelem null"),
    (r".*\.namespaces(\[0\])?", LABEL + " estr null nullelem"),
    (r"spec\.volumes(\[\d+\])?", "null empty nullelem dup drop"),
    (r"spec\.volumes\[\d+\]\.name", LABEL + " estr numstr"),
    (r"spec\.volumes\[\d+\](\.projected\.sources\[\d+\])?\.(configMap|secret|image)", "empty"),
    (r"spec\.volumes\[\d+\].*\.(configMap\.name|secretName|secret\.name|image\.reference)", "estr null drop"),
    (r".*\.(defaultMode|mode)", COUNT),
    (r".*\.items(\[\d+\])?", "nullelem null dup"),
    (r".*\.items\[\d+\]\.key", "estr"),
    (r".*\.items\[\d+\]\.path|.*\.serviceAccountToken\.path", PATH),
    (r".*\.projected\.sources", "dup"),
    (r".*\.serviceAccountToken\.expirationSeconds", "neg negbig zero big huge"),
    (r"data\.a|binaryData\.b", "blank pad bad slash dots abs long254 neg under uni nul nl dash numstr dot ddot"),
]
RULES = [(re.compile(p + r"\Z"), set(ways.split())) for p, ways in RULES]
# What the schema refuses and the API takes.
ACCEPTED = [
    (r"(?s).*", "null", "to the API a null is as if the field were not there: the empty value"),
    (r".*\.(limits|requests|overhead)", "nullunknown", "an amount that is null is none of it (resource.Quantity.UnmarshalJSON)"),
    (r"metadata\.managedFields\[0\]\.fieldsV1", "list list1 str int bool", "kept as it came (metav1.FieldsV1)"),
]


def get(value, path):
    for k in path:
        value = value[k]
    return value


def paths(value, at=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for k, v in list(items):
        yield at + (k,)
        yield from paths(v, at + (k,))


def text(path):
    return "".join("[%d]" % k if isinstance(k, int) else "." + k for k in path)[1:]


def ways(old):
    if isinstance(old, dict):
        return {"list": [], "list1": [{}], "str": "x", "int": 7, "bool": True, "null": None, "empty": {}, "unknown": {**old, "zzUnknown": 1}, "nullunknown": {**old, "zzUnknown": None}}
    if isinstance(old, list):
        return {"dict": {}, "str": "x", "int": 7, "null": None, "empty": [], "nullelem": [None], "dup": old + old, "intelem": [7], "strelem": ["x"], "listelem": [[]]}
    if isinstance(old, bool):
        return {"str": "true", "int": 1, "null": None, "list": [True], "dict": {}, "flip": not old, "estr": ""}
    if isinstance(old, int):
        return {"str": str(old), "float": old + 0.5, "wholefloat": float(old), "neg": -1, "negbig": -2**40, "zero": 0, "max31": 2**31, "big": 2**40, "huge": 10**20,
                "null": None, "bool": True, "list": [old], "dict": {}, "estr": ""}
    return {"estr": "", "int": 7, "bool": True, "null": None, "list": [old], "dict": {}, "float": 1.5, "blank": " ", "pad": " " + old, "upper": old.upper(), "bad": "Bad Value!",
            "slash": "a/b/c", "dots": "../x", "abs": "/x", "long64": "a" * 64, "long254": "a" * 254, "long5000": "a" * 5000, "neg": "-1", "under": "a_b", "uni": "é",
            "nul": "a\0b", "nl": "a\nb", "dash": "-a", "numstr": "123", "dot": ".", "ddot": ".."}


def spoiled(part):
    """(field, way, object, path) for one of `part` of all."""
    n = 0
    for doc in OBJECTS:
        for path in paths(doc):
            if path[0] in ("apiVersion", "kind"):
                continue
            for way, new in [*ways(get(doc, path)).items(), ("drop", None)]:
                n += 1
                if n % part:
                    continue
                d = copy.deepcopy(doc)
                if way == "drop":
                    del get(d, path[:-1])[path[-1]]
                else:
                    get(d, path[:-1])[path[-1]] = new
                yield text(path), way, d, path


def slim(doc, path):
    """Of a Pod what the schema needs to judge the field: the rest costs a tenth of a second each time."""
    if doc["kind"] != "Pod" or len(path) < 2:
        return doc
    if path[0] != "spec":
        return {**doc, "spec": {"containers": [{"name": "a"}]}}
    key, spec = path[1], doc["spec"]
    kept = {**({} if key == "containers" else {"containers": [{"name": "a"}]}), **({key: spec[key]} if key in spec else {})}
    if len(path) > 3 and isinstance(path[2], int) and path[2] < len(spec[key]):
        one = spec[key][path[2]]
        kept[key] = [{k: v for k, v in one.items() if k in ("name", path[3])} if key.endswith("ontainers") else one]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": kept}


def podctl(doc):
    r = subprocess.run([BIN + "/podctl", "apply", "--dry-run=client", "-f", "-"], input=json.dumps(doc).encode(), capture_output=True, timeout=120)
    return r.returncode, [l.split(": ", 1)[-1] for l in r.stderr.decode(errors="replace").splitlines() if not l.startswith("warning:")]


def related(field, said):
    """Whether one of the messages is about the field, what is in it, or what it is in."""
    # The API leaves out indices here and there, the items of a downwardAPI, the source of a token.
    bare = lambda p: re.sub(r"\[[^]]*\]", "", p).replace("downwardAPI.items", "downwardAPI").replace("sources.serviceAccountToken.", "")
    want = re.sub(r"\.(limits|requests)\.[a-z-]+\Z", "", bare(field))
    for line in said:
        got = bare(line.split(": ")[0])
        if got.startswith(want) or want.startswith(got) or got.rsplit(".", 1)[0] == want.rsplit(".", 1)[0]:
            return True
    return False


def judge(job):
    field, way, doc, refusal = job
    code, said = podctl(doc)
    if code not in (0, 1):
        return "ended with %d: %s" % (code, said)
    by_rule = any(p.match(field) and way in w for p, w in RULES)
    if refusal and code == 0:
        ok = any(re.match(p + r"\Z", field) and way in w.split() for p, w, _ in ACCEPTED)
        return "" if ok else "accepted; the schema: " + refusal
    if refusal:
        return "" if related(field, said) else "refused without naming the field: %s" % said[:2]
    if code and not by_rule:
        return "refused, and nobody says why it must be: %s" % said[:2]
    return ""


def differences(part):
    jobs = []
    for field, way, doc, path in spoiled(part):
        error = next(test_corpus.schema(doc["kind"]).iter_errors(slim(doc, path)), None)
        jobs.append((field, way, doc, error.message.split("\n")[0][:120] if error else ""))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return len(jobs), ["%s, %s: %s" % (j[0], j[1], why) for j, why in zip(jobs, pool.map(judge, jobs)) if why]


class EveryField(unittest.TestCase):
    def test_the_whole_objects_are_accepted(self):
        for doc in OBJECTS:
            self.assertEqual(podctl(doc)[0], 0, podctl(doc)[1])

    def test_each_field_spoiled(self):
        try:
            import kubernetes_validate  # noqa: F401
        except ImportError:
            print("kubernetes-validate is not here (pip install kubernetes-validate)", file=sys.stderr)
            self.assertFalse(os.environ.get("CI"), "the gate installs kubernetes-validate")
            return
        count, wrong = differences(PART)
        self.assertGreater(count, 100)
        self.assertEqual(wrong, [], "%d of %d" % (len(wrong), count))

    def test_all_that_is_wrong_is_told_in_the_order_of_the_text(self):
        """A field that nobody knows in six random objects of a Pod: six messages, by position, each with its path."""
        r = random.Random(7)
        places = [p for p in paths(POD) if isinstance(get(POD, p), dict) and len(p) > 1 and not any(k in ("labels", "annotations", "nodeSelector", "matchLabels", "limits", "requests", "overhead", "fieldsV1") for k in p)]
        for _ in range(6):
            doc = copy.deepcopy(POD)
            chosen = r.sample(places, 6)
            for p in chosen:
                get(doc, p)["zzUnknown"] = 1
            body = json.dumps(doc, indent=1)
            run = subprocess.run([BIN + "/podctl", "apply", "--dry-run=client", "-f", "-"], input=body, capture_output=True, text=True, timeout=120)
            self.assertEqual(run.returncode, 1)
            found = re.findall(r"^STDIN:(\d+):(\d+): (\S+): unknown field", run.stderr, re.M)
            self.assertEqual({f[2] for f in found}, {text(p) + ".zzUnknown" for p in chosen}, run.stderr)
            lines = [int(f[0]) for f in found]
            self.assertEqual(lines, sorted(lines))
            for line, column, _ in found:
                self.assertTrue(body.splitlines()[int(line) - 1][int(column) - 1:].startswith('"zzUnknown"'), (line, column))

    def test_several_rules_at_once(self):
        doc = copy.deepcopy(POD)
        spec = doc["spec"]
        spec["containers"][0]["ports"][0]["containerPort"] = 0
        spec["containers"][0]["env"][0]["name"] = ""
        spec["containers"][1]["image"] = ""
        spec["restartPolicy"] = "Sometimes"
        spec["tolerations"][0]["effect"] = "NoRun"
        spec["volumes"][1]["hostPath"]["path"] = "/a/../b"
        doc["metadata"]["labels"]["app"] = "a b"
        code, said = podctl(doc)
        self.assertEqual(code, 1)
        got = [s.split(": ")[0] for s in said]
        want = ["metadata.labels", "spec.containers[0].env[0].name", "spec.containers[0].ports[0].containerPort", "spec.containers[1].image", "spec.restartPolicy",
                "spec.tolerations[0].effect", "spec.tolerations[0].effect", "spec.volumes[1].hostPath.path"]
        self.assertEqual([g for g in got if g in want], want, said)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--list"]:
        n, wrong = differences(int((sys.argv[2:] + ["1"])[0]))
        print("\n".join(wrong))
        print("# %d, %d not judged" % (n, len(wrong)))
    else:
        unittest.main()
