# SPDX-License-Identifier: Apache-2.0
"""Seeded mutations of the corpus' Pods, Secrets and ConfigMaps: podctl accepts or refuses each as the API server would. Two oracles: kubernetes-validate 1.37
(what the schema says) and RULES (what it cannot say: a rule of the API's validation, the words that must be in the message). Where we differ from the schema
without a rule of the mutation's own, JUDGED must know the message and say why. PODLAB_MANIFESTS names the corpus; PODLAB_TEST_ALL makes more mutations.

    test_mutations.py --list [SEED [COUNT]]    every mutation with what both say"""
import concurrent.futures, copy, json, os, random, re, subprocess, sys, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_corpus

MODES = ("first",)
BIN = os.environ["PODLAB_BIN"]
ALL = bool(os.environ.get("PODLAB_TEST_ALL"))
COUNT = 4000 if ALL else 400
SECONDS = 900 if ALL else 20  # a slow machine tries fewer, never none
KINDS = ("Pod", "Secret", "ConfigMap")
UNTIL = 100  # at least so many, however slow
WANTED = {"Pod": 16, "Secret": 3, "ConfigMap": 3}
WORDS = []  # of the rules below


# Differences that no mutation of its own explains: message of ours -> why we refuse what the schema accepts.
JUDGED = [
    (r"not supported: one machine|not supported: there is one runtime", "a valid field that one machine cannot serve: refused by name (design: pod-fields, level reject)"),
    (r"ephemeralContainers: Forbidden: cannot be set on create", "ValidatePodCreate"),
    (r"metadata\.(name|generateName): (Invalid value|Required value: name or generateName)", "ValidateObjectMeta; the corpus has templates among its manifests"),
    (r"must be a valid IP address", "ports[].hostIP: the API takes any and the sandbox fails; hostAliases, nameservers: IsValidIP"),
    (r"spec\.os\.name: Forbidden: this node runs linux", "the node is linux; kubelet would reject the Pod"),
    (r"emptyDir\.medium: Unsupported", "a medium that this node has not"),
    (r"data\[\.docker(cfg|configjson)\]: Invalid value", "ValidateSecret: the file must be JSON"),
    (r"must be a standard resource|must be less than or equal to|Limit must be set", "ValidateContainerResourceRequirements"),
    (r"volumeMounts\[\d+\]\.name: Not found", "ValidateVolumeMounts"),
    (r"(configMap|secret)KeyRef\.name: Invalid value: \"\"|(configMap|secret)Ref\.name: Required|configMap\.name: Required|secret(\.secretName|\.name): Required",
     "a reference names its object: optional in the schema, not in a Pod (validateSecretKeySelector, validateConfigMapVolumeSource …)"),
    (r"service-account\.name\]: Required value", "ValidateSecret: a token's Secret names its account"),
    (r"[cC]ontainers\[\d+\]\.image: Required value", "validateContainerCommon: optional in the schema for the sake of templates"),
    (r"(Probe|postStart|preStop): Required value: must specify a handler type", "validateHandler"),
]
# What the schema refuses and we accept: its own reason -> why we accept it.
SCHEMA_ONLY = [
    (r"None is not of type|is not of type 'null'", "the API reads null as if the field were not there"),
]


class Mutation:
    """One change of a copy: rule is the words that our refusal must have (or several of them), "" when the schema decides, None when it must be accepted."""

    def __init__(self, name, doc, rule):
        self.name, self.doc, self.rule = name, doc, rule


def containers(doc):
    return [c for k in ("containers", "initContainers") for c in doc["spec"].get(k) or [] if isinstance(c, dict)]


def paths(value, at=()):
    """Every (parent, key) below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for k, v in list(items):
        yield at + (k,)
        yield from paths(v, at + (k,))


def get(value, path):
    for k in path:
        value = value[k]
    return value


def put(value, path, new):
    get(value, path[:-1])[path[-1]] = new


def free(path):
    """Below a map of the user's own keys: any key may stand there."""
    return any(k in ("labels", "annotations", "data", "stringData", "binaryData", "nodeSelector", "matchLabels", "limits", "requests", "options", "volumeAttributes") for k in path[:-1])


# MARK: mutations that the schema judges

def drop(doc, r):
    path = r.choice([p for p in paths(doc) if p[0] not in ("apiVersion", "kind", "status")])
    parent = get(doc, path[:-1])
    del parent[path[-1]]
    return Mutation("drop " + ".".join(map(str, path)), doc, "")


def mistype(doc, r):
    path = r.choice([p for p in paths(doc) if p[0] not in ("apiVersion", "kind", "status") and p[-1] not in ("port",)])
    old = get(doc, path)
    new = r.choice([x for x in (["x"], {"x": "y"}, 7, True, "text") if type(x) is not type(old)])
    if path[-1] in ("creationTimestamp", "value") or any(k in ("limits", "requests", "sizeLimit", "divisor") for k in path) and not isinstance(new, (list, dict, bool)):
        new = ["x"]
    put(doc, path, new)
    return Mutation("mistype %s as %r" % (".".join(map(str, path)), new), doc, "")


def unknown(doc, r):
    path = r.choice([()] + [p for p in paths(doc) if isinstance(get(doc, p), dict) and not free(p + ("",)) and "fieldsV1" not in p and p[0] != "status"])
    get(doc, path)[r.choice(["imagee", "unknownField", "Name", "replicas"])] = "x"
    return Mutation("unknown in " + ".".join(map(str, path)), doc, "")


def misspell(doc, r):
    path = r.choice([p for p in paths(doc) if isinstance(p[-1], str) and not free(p) and p[0] not in ("apiVersion", "kind", "status") and "fieldsV1" not in p])
    parent = get(doc, path[:-1])
    key = path[-1]
    i = r.randrange(len(key))
    parent[key[:i] + key[i + 1:] if len(key) > 2 else key + "x"] = parent.pop(key)
    return Mutation("misspell " + ".".join(map(str, path)), doc, "")


# MARK: mutations of rules beyond the schema

def on_pod(f):
    f.kinds = ("Pod",)
    return f


def on_data(f):
    f.kinds = ("Secret", "ConfigMap")
    return f


BAD_LABELS = ["Upper", "under_score", "-a", "a-", "a.b", "a b", "x" * 64, "é"]


def bad_name(doc, r):
    doc.setdefault("metadata", {})["name"] = n = r.choice(["Upper", "under_score", "-a", "a-", "a..b", "a b", "x" * 254])
    return Mutation("name %.20r" % n, doc, r"metadata\.name: Invalid value: .*(RFC 1123 subdomain|253)")


def bad_namespace(doc, r):
    doc.setdefault("metadata", {})["namespace"] = n = r.choice(BAD_LABELS)
    return Mutation("namespace %.20r" % n, doc, r"metadata\.namespace: Invalid value: .*(RFC 1123 label|63)")


def bad_label(doc, r):
    key, value = r.choice([("a b", "x"), ("/x", "x"), ("a/b/c", "x"), ("x" * 64, "x"), ("k", "-v"), ("k", "a b"), ("k", "v" * 64), ("UP.io/k", "v")])
    doc.setdefault("metadata", {})["labels"] = {key: value}
    return Mutation("label %.20r=%.20r" % (key, value), doc, r"metadata\.labels: Invalid value")


def bad_annotation(doc, r):
    doc.setdefault("metadata", {})["annotations"] = {r.choice(["a b", "a/b/c", "x" * 64, "/k"]): "v"}
    return Mutation("annotation key", doc, r"metadata\.annotations: Invalid value")


def long_annotation(doc, r):
    doc.setdefault("metadata", {})["annotations"] = {"k": "v" * (1 << 18)}
    return Mutation("annotations of 256 KiB", doc, r"metadata\.annotations: Too long: may not be more than 262144 bytes")


def bad_finalizer(doc, r):
    doc.setdefault("metadata", {})["finalizers"] = [r.choice(["plain", "a b/c"])]
    return Mutation("finalizer", doc, r"metadata\.finalizers(\[0\])?: Invalid value")


def no_name(doc, r):
    doc.setdefault("metadata", {}).pop("name", None)
    doc["metadata"].pop("generateName", None)
    return Mutation("no name", doc, r"metadata\.name: Required value: name or generateName is required")


@on_data
def bad_key(doc, r):
    field = "data" if doc["kind"] == "ConfigMap" else "stringData"
    doc.setdefault(field, {})
    doc[field] = {**(doc[field] or {}), r.choice(["a b", "..", "../x", "a/b", "", "x" * 254, "é"]): "v"}
    return Mutation("key", doc, r"data\[.*\]: Invalid value")


@on_data
def too_big(doc, r):
    field = "data" if doc["kind"] == "ConfigMap" else "stringData"
    doc[field] = {"k": "v" * ((1 << 20) + 1)}
    return Mutation("1 MiB and a byte", doc, r"Too long: may not be more than 1048576 bytes")


@on_data
def no_base64(doc, r):
    doc["data" if doc["kind"] == "Secret" else "binaryData"] = {"k": r.choice(["not base64!", "abc", "====", "YQ"])}
    return Mutation("base64", doc, r"illegal base64")


@on_data
def secret_type(doc, r):
    kind, want = r.choice([("kubernetes.io/tls", "tls.crt"), ("kubernetes.io/ssh-auth", "ssh-privatekey"), ("kubernetes.io/basic-auth", "username"),
                           ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"), ("kubernetes.io/dockercfg", ".dockercfg")])
    doc = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": kind, "stringData": {"x": "y"}}
    return Mutation(kind + " without its keys", doc, r"data\[%s\]: Required value" % re.escape(want))


def enum(get_parent, key, rule, values=("Sometimes", "always")):
    @on_pod
    def f(doc, r):
        get_parent(doc, r)[key] = v = r.choice(values)
        return Mutation("%s %s" % (key, v), doc, rule + r": Unsupported value: .*supported values")
    f.__name__ = "enum_" + key
    WORDS.append(rule + r": Unsupported value")
    return f


def spec(doc, r):
    return doc["spec"]


def container(doc, r):
    return r.choice(containers(doc))


def fresh(doc, r):
    """A container that can be changed without hitting what was there."""
    c = r.choice([c for c in doc["spec"]["containers"] if isinstance(c, dict)])
    c.pop("ports", None)
    return c


def rule(name, change, words, accept=False):
    """A change of a Pod's spec (doc, r, a container of its own) and what must be said of it."""
    @on_pod
    def f(doc, r):
        change(doc["spec"], fresh(doc, r), r)
        return Mutation(name, doc, None if accept else words)
    f.__name__ = name
    if words:
        WORDS.append(words)
    return f


def probe(extra, kind="livenessProbe", handler=True):
    def f(s, c, r):
        c[kind] = {**({"exec": {"command": ["true"]}} if handler else {}), **extra}
    return f


def setc(**k):
    return lambda s, c, r: c.update(copy.deepcopy(k))


def sets(**k):
    return lambda s, c, r: s.update(copy.deepcopy(k))


def volume(source, name="zz-mutated"):
    return lambda s, c, r: s.__setitem__("volumes", (s.get("volumes") or []) + [{"name": name, **copy.deepcopy(source)}])


def mount(extra, source=None):
    def f(s, c, r):
        volume(source or {"emptyDir": {}})(s, c, r)
        c["volumeMounts"] = (c.get("volumeMounts") or []) + [{"name": "zz-mutated", "mountPath": "/zz-mutated", **extra}]
    return f


def env(entry):
    return setc(env=[{"name": "A", **entry}])


def field(path):
    return env({"valueFrom": {"fieldRef": {"fieldPath": path}}})


def duplicate_container(s, c, r):
    s["containers"].append(copy.deepcopy(c))


def init(extra):
    return lambda s, c, r: s.__setitem__("initContainers", [{"name": "zz-init", "image": "busybox", **copy.deepcopy(extra)}])


def toleration(**k):
    return sets(tolerations=[k])


def node_affinity(expression):
    return sets(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}})


def items(*list, kind="configMap"):
    return volume({kind: {"name" if kind == "configMap" else "secretName": "x", "items": [*list]}})


def spread(**k):
    return sets(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "b"}}, **k}])


def linux_stop(signal):
    def f(s, c, r):
        s["os"] = {"name": "linux"}
        c["lifecycle"] = {"stopSignal": signal}
    return f


WORDS += [r"metadata\.(namespace|labels|annotations|finalizers).*: Invalid value", r"data\[.*\]: (Invalid|Required) value", r"illegal base64", r"Too long"]
RULES = [bad_name, bad_namespace, bad_label, bad_annotation, long_annotation, bad_finalizer, no_name, bad_key, too_big, no_base64, secret_type,
    enum(spec, "restartPolicy", r"spec\.restartPolicy"), enum(spec, "dnsPolicy", r"spec\.dnsPolicy"), enum(container, "imagePullPolicy", r"imagePullPolicy"),
    enum(container, "terminationMessagePolicy", r"terminationMessagePolicy"),
    rule("container name", lambda s, c, r: c.update(name=r.choice(BAD_LABELS)), r"containers\[\d+\]\.name: Invalid value: .*(RFC 1123 label|63)"),
    rule("empty container name", setc(name=""), r"containers\[\d+\]\.name: Required value"),
    rule("empty image", setc(image=""), r"containers\[\d+\]\.image: Required value"),
    rule("padded image", setc(image=" busybox"), r"image: Invalid value: .*must not have leading or trailing whitespace"),
    rule("no containers", sets(containers=[]), r"spec\.containers: Required value"),
    rule("duplicate container", duplicate_container, r"containers\[\d+\]\.name: Duplicate value"),
    rule("init of a container's name", lambda s, c, r: s.__setitem__("initContainers", [{"name": c["name"], "image": "busybox"}]), r"initContainers\[0\]\.name: Duplicate value"),
    rule("port out of range", lambda s, c, r: c.update(ports=[{"containerPort": r.choice([-1, 65536, 99999])}]), r"ports\[0\]\.containerPort: Invalid value: .*between 1 and 65535"),
    rule("port 0", setc(ports=[{"containerPort": 0}]), r"ports\[0\]\.containerPort: Required value"),
    rule("port name", lambda s, c, r: c.update(ports=[{"containerPort": 80, "name": r.choice(["a" * 16, "Http", "80", "a--b", "-a"])}]), r"ports\[0\]\.name: Invalid value"),
    rule("port name twice", setc(ports=[{"containerPort": 80, "name": "x"}, {"containerPort": 81, "name": "x"}]), r"ports\[1\]\.name: Duplicate value"),
    rule("protocol", setc(ports=[{"containerPort": 80, "protocol": "tcp"}]), r'protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'),
    rule("hostPort twice", setc(ports=[{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81, "hostPort": 8080}]), r"hostPort: Duplicate value"),
    rule("hostPort on the host's network", lambda s, c, r: (s.update(hostNetwork=True), s.pop("hostUsers", None), c.update(ports=[{"containerPort": 80, "hostPort": 81}])), r"must match `containerPort` when `hostNetwork` is true"),
    rule("negative limit", setc(resources={"limits": {"memory": "-1"}}), r"resources\.limits\[memory\]: Invalid value: .*must be greater than or equal to 0"),
    rule("bad quantity", lambda s, c, r: c.update(resources={"limits": {"memory": r.choice(["1Gib", "x", "1 Gi", "1,5", "--1"])}}), r"quantities must match"),
    rule("request above limit", setc(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}), r"resources\.requests: Invalid value: .*must be less than or equal to cpu limit of 1"),
    rule("unknown resource", setc(resources={"limits": {"gpu": "1"}}), r"must be a standard resource type or fully qualified"),
    rule("extended resource without limit", setc(resources={"requests": {"example.com/gpu": "1"}}), r"Limit must be set for non overcommitable resources"),
    rule("extended resource in parts", setc(resources={"limits": {"example.com/gpu": "500m"}}), r"must be an integer"),
    rule("huge pages alone", setc(resources={"limits": {"hugepages-2Mi": "4Mi"}}), r"HugePages require cpu or memory"),
    rule("half a huge page", setc(resources={"limits": {"hugepages-2Mi": "3Mi", "cpu": "1"}}), r"is not positive integer multiple of hugepages-2Mi"),
    rule("pod below its containers", lambda s, c, r: (c.update(resources={"requests": {"cpu": "2"}}), s.update(resources={"requests": {"cpu": "1"}})), r"must be greater than or equal to aggregate container requests"),
    rule("mount of no volume", setc(volumeMounts=[{"name": "zz-none", "mountPath": "/x"}]), r"volumeMounts\[0\]\.name: Not found"),
    rule("mount path twice", lambda s, c, r: (mount({})(s, c, r), c["volumeMounts"].append({"name": "zz-mutated", "mountPath": "/zz-mutated"})), r"mountPath: Invalid value: .*must be unique"),
    rule("empty mount path", mount({"mountPath": ""}), r"mountPath: Required value"),
    rule("absolute subPath", mount({"subPath": "/a"}), r"subPath: Invalid value: .*must be a relative path"),
    rule("subPath with ..", mount({"subPath": "a/../b"}), r"subPath: Invalid value: .*must not contain '\.\.'"),
    rule("subPath and subPathExpr", mount({"subPath": "a", "subPathExpr": "b"}), r"mutually exclusive"),
    rule("propagation", mount({"mountPropagation": "Both"}), r"mountPropagation: Unsupported value"),
    rule("bidirectional without privilege", lambda s, c, r: (c.pop("securityContext", None), mount({"mountPropagation": "Bidirectional"})(s, c, r)), r"only to privileged containers"),
    rule("recursive without readOnly", mount({"recursiveReadOnly": "Enabled"}), r"may only be specified when readOnly is true"),
    rule("volume name", volume({"emptyDir": {}}, "Bad_Name"), r"volumes\[\d+\]\.name: Invalid value"),
    rule("volume twice", lambda s, c, r: (volume({"emptyDir": {}})(s, c, r), volume({"emptyDir": {}})(s, c, r)), r"volumes\[\d+\]\.name: Duplicate value"),
    rule("two sources", volume({"emptyDir": {}, "hostPath": {"path": "/x"}}), r"may not specify more than 1 volume type"),
    rule("hostPath type", volume({"hostPath": {"path": "/x", "type": "Dir"}}), r"hostPath\.type: Unsupported value"),
    rule("hostPath with ..", volume({"hostPath": {"path": "/a/../b"}}), r"must not contain '\.\.'"),
    rule("file mode", lambda s, c, r: volume({"configMap": {"name": "x", "defaultMode": r.choice([-1, 512, 1000])}})(s, c, r), r"defaultMode: Invalid value: .*0777"),
    rule("item without key", items({"key": "", "path": "a"}), r"items\[0\]\.key: Required value"),
    rule("item path", items({"key": "a", "path": "../a"}), r"items\[0\]\.path: Invalid value: .*must not contain '\.\.'"),
    rule("item path that begins with ..", items({"key": "a", "path": "..a"}, kind="secret"), r"must not start with '\.\.'"),
    rule("negative sizeLimit", volume({"emptyDir": {"sizeLimit": "-1"}}), r"sizeLimit: Forbidden"),
    rule("downward without source", volume({"downwardAPI": {"items": [{"path": "a"}]}}), r"one of fieldRef and resourceFieldRef is required"),
    rule("downward field", volume({"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "status.podIP"}}]}}), r"fieldPath: Unsupported value"),
    rule("downward resource without container", volume({"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}}), r"containerName: Required value"),
    rule("projected paths twice", volume({"projected": {"sources": [{"configMap": {"name": "a", "items": [{"key": "k", "path": "p"}]}}, {"secret": {"name": "b", "items": [{"key": "k", "path": "p"}]}}]}}), r"conflicting duplicate paths"),
    rule("projected with two kinds", volume({"projected": {"sources": [{"configMap": {"name": "a"}, "secret": {"name": "b"}}]}}), r"may not specify more than 1 volume type per source"),
    rule("token that lives a minute", volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 60}}]}}), r"may not specify a duration less than 10 minutes"),
    rule("image volume without image", volume({"image": {}}), r"image\.reference: Required value"),
    rule("env name", setc(env=[{"name": "A=B", "value": "x"}]), r"env\[0\]\.name: Invalid value"),
    rule("empty env name", setc(env=[{"name": "", "value": "x"}]), r"env\[0\]\.name: Required value"),
    rule("value and valueFrom", env({"value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}), r"may not be specified when `value` is not empty"),
    rule("valueFrom of nothing", env({"valueFrom": {}}), r"must specify one of: `fieldRef`"),
    rule("valueFrom of two", env({"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}, "secretKeyRef": {"name": "a", "key": "b"}}}), r"may not have more than one field specified at a time"),
    rule("field that is none", field("metadata.nam"), r"error converting fieldPath: field label not supported"),
    rule("field that env cannot have", field("status.phase"), r"fieldPath: Unsupported value"),
    rule("label of a bad name", field("metadata.labels['a b']"), r"fieldRef: Invalid value"),
    rule("resource that is none", env({"valueFrom": {"resourceFieldRef": {"resource": "limits.disk"}}}), r"resource: Unsupported value"),
    rule("divisor", env({"valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "10m"}}}), r"only divisor's values 1m and 1 are supported"),
    rule("key of a bad name", env({"valueFrom": {"secretKeyRef": {"name": "a", "key": "a b"}}}), r"key: Invalid value"),
    rule("envFrom of nothing", setc(envFrom=[{"prefix": "A"}]), r"must specify one of: `configMapRef` or `secretRef`"),
    rule("envFrom prefix", setc(envFrom=[{"prefix": "A=", "configMapRef": {"name": "a"}}]), r"prefix: Invalid value"),
    rule("file key of no emptyDir", lambda s, c, r: (volume({"hostPath": {"path": "/x"}})(s, c, r), env({"valueFrom": {"fileKeyRef": {"volumeName": "zz-mutated", "path": "p", "key": "k"}}})(s, c, r)), r"must be of type emptyDir"),
    rule("probe without handler", probe({}, handler=False), r"livenessProbe: Required value: must specify a handler type"),
    rule("probe with two handlers", probe({"tcpSocket": {"port": 80}}), r"may not specify more than 1 handler type"),
    rule("negative probe time", probe({"initialDelaySeconds": -1}), r"initialDelaySeconds: Invalid value: .*must be greater than or equal to 0"),
    rule("successThreshold of liveness", probe({"successThreshold": 2}), r"successThreshold: Invalid value: .*must be 1"),
    rule("grace of readiness", probe({"terminationGracePeriodSeconds": 3}, "readinessProbe"), r"must not be set for readinessProbes"),
    rule("grace 0 of liveness", probe({"terminationGracePeriodSeconds": 0}), r"terminationGracePeriodSeconds: Invalid value: .*must be greater than 0"),
    rule("probe port", probe({"httpGet": {"port": 70000}}, handler=False), r"httpGet\.port: Invalid value"),
    rule("probe port name", probe({"httpGet": {"port": "Bad_Port"}}, handler=False), r"httpGet\.port: Invalid value"),
    rule("probe scheme", probe({"httpGet": {"port": 80, "scheme": "http"}}, handler=False), r'scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"'),
    rule("probe header", probe({"httpGet": {"port": 80, "httpHeaders": [{"name": "a b", "value": "x"}]}}, handler=False), r"httpHeaders: Invalid value"),
    rule("empty probe command", probe({"exec": {"command": []}}, handler=False), r"exec\.command: Required value"),
    rule("grpc port", probe({"grpc": {"port": 0}}, handler=False), r"grpc\.port: Invalid value"),
    rule("sleep beyond grace", lambda s, c, r: (s.update(terminationGracePeriodSeconds=5), c.update(lifecycle={"preStop": {"sleep": {"seconds": 6}}})), r"must be non-negative and less than terminationGracePeriodSeconds \(5\)"),
    rule("hook without handler", setc(lifecycle={"postStart": {}}), r"postStart: Required value: must specify a handler type"),
    rule("stopSignal without os", lambda s, c, r: (s.pop("os", None), c.update(lifecycle={"stopSignal": "SIGUSR1"})), r"may not be set for containers with empty `spec\.os\.name`"),
    rule("stopSignal that is none", linux_stop("SIGFOO"), r"stopSignal: Unsupported value"),
    rule("hooks of an init container", init({"lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}), r"may not be set for init containers without restartPolicy=Always"),
    rule("probe of an init container", init({"readinessProbe": {"exec": {"command": ["true"]}}}), r"may not be set for init containers without restartPolicy=Always"),
    rule("restart rules without policy", setc(restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]), r"must specify restartPolicy when restart rules are used"),
    rule("restart action", setc(restartPolicy="Never", restartPolicyRules=[{"action": "Stop", "exitCodes": {"operator": "In", "values": [1]}}]), r"action: Unsupported value"),
    rule("resize policy", setc(resizePolicy=[{"resourceName": "disk", "restartPolicy": "NotRequired"}]), r'resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"'),
    rule("resize policy that restarts a Pod that never does", lambda s, c, r: (s.update(restartPolicy="Never"), c.update(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}])), r"must be 'NotRequired' when pod `restartPolicy` is 'Never'"),
    rule("user out of range", setc(securityContext={"runAsUser": -1}), r"runAsUser: Invalid value: .*between 0 and 2147483647"),
    rule("group of the Pod", sets(securityContext={"fsGroup": -5}), r"securityContext\.fsGroup: Invalid value"),
    rule("privileged without escalation", setc(securityContext={"privileged": True, "allowPrivilegeEscalation": False}), r"cannot set `allowPrivilegeEscalation` to false and `privileged` to true"),
    rule("procMount", setc(securityContext={"procMount": "Bare"}), r"procMount: Unsupported value"),
    rule("unmasked with the host's users", lambda s, c, r: (s.pop("hostUsers", None), c.update(securityContext={"procMount": "Unmasked"})), r"`hostUsers` must be false to use `Unmasked`"),
    rule("seccomp type", setc(securityContext={"seccompProfile": {"type": "Default"}}), r"seccompProfile\.type: Unsupported value"),
    rule("seccomp without profile", sets(securityContext={"seccompProfile": {"type": "Localhost"}}), r"must be set when seccomp type is Localhost"),
    rule("seccomp with profile", sets(securityContext={"seccompProfile": {"type": "RuntimeDefault", "localhostProfile": "x"}}), r"can only be set when seccomp type is Localhost"),
    rule("apparmor without profile", setc(securityContext={"appArmorProfile": {"type": "Localhost"}}), r"must be set when AppArmor type is Localhost"),
    rule("sysctl name", sets(securityContext={"sysctls": [{"name": "Bad Name", "value": "1"}]}), r"sysctls\[0\]\.name: Invalid value: .*must have at most 253 characters"),
    rule("sysctl twice", sets(securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "1"}] * 2}, hostNetwork=False), r"sysctls\[1\]\.name: Duplicate value"),
    rule("sysctl of the host's network", lambda s, c, r: (s.update(hostNetwork=True, securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}), s.pop("hostUsers", None)), r"may not be specified when 'hostNetwork' is true"),
    rule("fsGroupChangePolicy", sets(securityContext={"fsGroupChangePolicy": "Never"}), r"fsGroupChangePolicy: Unsupported value"),
    rule("supplementalGroupsPolicy", sets(securityContext={"supplementalGroupsPolicy": "Mix"}), r"supplementalGroupsPolicy: Unsupported value"),
    rule("shared with the host", sets(shareProcessNamespace=True, hostPID=True), r"ShareProcessNamespace and HostPID cannot both be enabled"),
    rule("own users, host's network", sets(hostUsers=False, hostNetwork=True), r"hostNetwork: Forbidden: when `hostUsers` is false"),
    rule("own users, host's processes", sets(hostUsers=False, hostPID=True, shareProcessNamespace=False), r"HostPID: Forbidden: when `hostUsers` is false"),
    rule("hostname", lambda s, c, r: s.update(hostname=r.choice(BAD_LABELS)), r"spec\.hostname: Invalid value"),
    rule("subdomain", sets(subdomain="A.b"), r"spec\.subdomain: Invalid value"),
    rule("hostnameOverride of 65", lambda s, c, r: (s.update(hostnameOverride="a" * 65, setHostnameAsFQDN=False), s.pop("hostNetwork", None)), r"hostnameOverride: Too long: may not be more than 64 bytes"),
    rule("hostnameOverride and FQDN", sets(hostnameOverride="a", setHostnameAsFQDN=True), r"may not be specified when setHostnameAsFQDN is true"),
    rule("deadline 0", sets(activeDeadlineSeconds=0), r"activeDeadlineSeconds: Invalid value: .*between 1 and 2147483647"),
    rule("account name", sets(serviceAccountName="Bad_Name"), r"spec\.serviceAccountName: Invalid value"),
    rule("os", sets(os={"name": "plan9"}), r'spec\.os: Unsupported value: "plan9": supported values: "linux", "windows"'),
    rule("no nameserver", sets(dnsPolicy="None", dnsConfig={}), r"must provide at least one DNS nameserver when `dnsPolicy` is None"),
    rule("no dnsConfig", lambda s, c, r: (s.update(dnsPolicy="None"), s.pop("dnsConfig", None)), r"must provide `dnsConfig` when `dnsPolicy` is None"),
    rule("four nameservers", sets(dnsConfig={"nameservers": ["1.1.1.1"] * 4}), r"must not have more than 3 nameservers"),
    rule("nameserver", sets(dnsConfig={"nameservers": ["dns.example"]}), r"nameservers\[0\]: Invalid value: .*must be a valid IP address"),
    rule("search domain", sets(dnsConfig={"searches": ["Bad Domain"]}, dnsPolicy="Default"), r"searches\[0\]: Invalid value"),
    rule("dns option", sets(dnsConfig={"options": [{"value": "1"}]}), r"options\[0\]: Required value: must not be empty"),
    rule("host alias", sets(hostAliases=[{"ip": "1.2.3", "hostnames": ["a"]}]), r"hostAliases\[0\]\.ip: Invalid value"),
    rule("host alias' name", sets(hostAliases=[{"ip": "1.2.3.4", "hostnames": ["A_b"]}]), r"hostnames\[0\]: Invalid value"),
    rule("node name", sets(nodeName="Bad_Name", schedulingGates=[]), r"spec\.nodeName: Invalid value"),
    rule("node selector", sets(nodeSelector={"a b": "c"}), r"spec\.nodeSelector: Invalid value"),
    rule("toleration operator", toleration(key="a", operator="Is", value="b"), r"tolerations\[0\]\.operator: Unsupported value"),
    rule("toleration of nothing", toleration(operator="Equal", value="b"), r"operator must be Exists when `key` is empty"),
    rule("toleration that exists with a value", toleration(key="a", operator="Exists", value="b"), r"value must be empty when `operator` is 'Exists'"),
    rule("toleration effect", toleration(key="a", operator="Exists", effect="NoRun"), r"effect: Unsupported value"),
    rule("toleration seconds", toleration(key="a", operator="Exists", effect="NoSchedule", tolerationSeconds=3), r"effect must be 'NoExecute' when `tolerationSeconds` is set"),
    rule("affinity operator", node_affinity({"key": "a", "operator": "Is", "values": ["b"]}), r"not a valid selector operator"),
    rule("affinity without values", node_affinity({"key": "a", "operator": "In"}), r"must be specified when `operator` is 'In' or 'NotIn'"),
    rule("affinity that exists with values", node_affinity({"key": "a", "operator": "Exists", "values": ["b"]}), r"may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    rule("affinity without terms", sets(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}), r"must have at least one node selector term"),
    rule("affinity weight", sets(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 101, "preference": {}}]}}), r"must be in the range 1-100"),
    rule("pod affinity without key", sets(affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": ""}]}}), r"topologyKey: Required value: can not be empty"),
    rule("skew 0", spread(maxSkew=0), r"maxSkew: Invalid value: .*must be greater than zero"),
    rule("spread action", spread(whenUnsatisfiable="Maybe"), r"whenUnsatisfiable: Unsupported value"),
    rule("readiness gate", sets(readinessGates=[{"conditionType": "a b"}]), r"conditionType: Invalid value"),
    rule("scheduling gate twice", sets(schedulingGates=[{"name": "a"}, {"name": "a"}]), r"schedulingGates\[1\]: Duplicate value"),
    # What looks wrong and is not.
    rule("zero in a probe is its default", probe({"periodSeconds": 0, "timeoutSeconds": 0, "failureThreshold": 0}), "", accept=True),
    rule("an empty enumeration is its default", sets(restartPolicy="", dnsPolicy=""), "", accept=True),
    rule("an env name with dots and blanks", env({"name": "a.b c-d", "value": "x"}), "", accept=True),
    rule("a search domain with an underscore", sets(dnsConfig={"searches": ["_a.b_c.example."]}, dnsPolicy="Default"), "", accept=True),
    rule("a sleep of nothing", lambda s, c, r: (s.pop("terminationGracePeriodSeconds", None), c.update(lifecycle={"preStop": {"sleep": {"seconds": 0}}})), "", accept=True),
    rule("ports of one name in two containers", lambda s, c, r: None, "", accept=True),
]
SCHEMA = [drop, mistype, unknown, misspell]


@on_pod
def several(doc, r):
    """A rule of the metadata and two of the spec at once, one of them of the Pod and one of a container: each is told."""
    parts = [r.choice([bad_name, bad_namespace, bad_label, bad_annotation])(doc, r)]
    for f in r.sample(APART, 2):
        parts.append(f(doc, r))
    return Mutation(" and ".join(p.name for p in parts), doc, [p.rule for p in parts])


# Rules that do not get in each other's way.
APART = [f for f in RULES if f.__name__ in (
    "enum_restartPolicy", "unknown resource", "hostPath type", "file mode", "env name", "negative probe time", "user out of range", "hostname",
    "account name", "host alias", "node name", "toleration effect", "skew 0", "readiness gate", "fsGroupChangePolicy")]
assert len(APART) == 15


def originals(r):
    """Objects of the corpus that both accept: WANTED of each kind, taken at random; all of them where there is time."""
    import yaml
    files = [os.path.join(d, n) for d, _, names in os.walk(test_corpus.CORPUS) for n in names if n.endswith((".yaml", ".yml"))]
    files.sort()
    r.shuffle(files)
    out, count = [], {k: 0 for k in KINDS}
    for path in files:
        with open(path, "rb") as h:
            raw = h.read()
        if not re.search(rb"^kind: *(Pod|Secret|ConfigMap) *$", raw, re.M) or not ALL and len(raw) > 4096:
            continue
        try:
            docs = list(yaml.load_all(raw, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        except Exception:
            continue  # test_corpus reads what is broken
        for i, d in enumerate(docs):
            d = json.loads(json.dumps(d, default=str))
            kind = d.get("kind") if isinstance(d, dict) else None
            if kind not in KINDS or not ALL and count[kind] >= WANTED[kind] or kind == "Pod" and not usable(d):
                continue
            if test_corpus.theirs(d) == "" and test_corpus.ours(d)[0] == 0:
                count[kind] += 1
                out.append(("%s#%d" % (os.path.relpath(path, test_corpus.CORPUS), i), d))
        if not ALL and all(count[k] >= WANTED[k] for k in KINDS):
            break
    return out


def usable(d):
    return isinstance(d.get("spec"), dict) and isinstance(d["spec"].get("containers"), list) and d["spec"]["containers"] and all(isinstance(c, dict) for c in d["spec"]["containers"])


def mutations(seed, count):
    """Each rule once and then by chance, each on an original that podctl accepts; every third one for the schema."""
    r = random.Random(seed)
    good = originals(r)
    todo = list(RULES)
    r.shuffle(todo)
    for i in range(count):
        f = r.choice(SCHEMA) if i % 3 == 2 else several if i % 12 == 7 else todo.pop() if todo else r.choice(RULES)
        name, doc = r.choice([x for x in good if x[1]["kind"] in getattr(f, "kinds", KINDS)])
        yield name, f(copy.deepcopy(doc), r)


def judge(original, m):
    """"" when all is as it must be, else what is not."""
    code, why = test_corpus.ours(m.doc)
    if m.rule is None:
        return "" if code == 0 else "refused: " + why
    if m.rule:
        if code == 0:
            return "accepted, expected " + m.rule
        said = podctl_words(m.doc)
        missing = [w for w in (m.rule if isinstance(m.rule, list) else [m.rule]) if not re.search(w, said)]
        return "refused for another reason: %s; expected %s" % (said[:300], missing) if missing else ""
    schema = test_corpus.theirs(m.doc)
    if (code == 0) == (schema == ""):
        return ""
    table, text = (JUDGED, why) if code else (SCHEMA_ONLY, schema)
    # A mutation of the schema's may hit one of the rules by chance: a dropped volume leaves its mount.
    if code and any(re.search(words, why) for words in WORDS):
        return ""
    return "" if any(re.search(p, text) for p, _ in table) else ("only we refuse: " + why if code else "only the schema refuses: " + schema)


def podctl_words(doc):
    r = subprocess.run([BIN + "/podctl", "apply", "--dry-run=client", "-f", "-"], input=json.dumps(doc).encode(), capture_output=True, timeout=120)
    return r.stderr.decode(errors="replace")


def run(seed, count, seconds):
    begun, done, wrong = time.monotonic(), 0, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        batch = []
        for name, m in mutations(seed, count):
            batch.append((name, m, pool.submit(judge, name, m)))
            if len(batch) >= 8:
                done += drain(batch, wrong)
                if time.monotonic() - begun > seconds and done >= UNTIL:
                    break
        done += drain(batch, wrong)
    return done, wrong


def drain(batch, wrong):
    n = len(batch)
    for name, m, f in batch:
        said = f.result()
        if said:
            wrong.append("%s, %s: %s" % (name, m.name, said))
    batch.clear()
    return n


class Mutations(unittest.TestCase):
    def test_each_is_judged_as_the_api_server_would(self):
        if not test_corpus.CORPUS:
            print("the manifest corpus is not here: PODLAB_MANIFESTS names its folder", file=sys.stderr)
            return
        try:
            import kubernetes_validate  # noqa: F401
        except ImportError:
            print("kubernetes-validate is not here (pip install kubernetes-validate)", file=sys.stderr)
            self.assertFalse(os.environ.get("CI"), "the gate installs kubernetes-validate")
            return
        done, wrong = run(int(os.environ.get("PODLAB_SEED", "1")), COUNT, SECONDS)
        self.assertGreaterEqual(done, UNTIL)
        self.assertEqual(wrong, [], "%d of %d mutations" % (len(wrong), done))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--list"]:
        seed, count = (int(x) for x in (sys.argv[2:] + ["1", "400"][len(sys.argv) - 2:])[:2])
        done, wrong = run(seed, count, 3600)
        print("\n".join(wrong))
        print("# %d mutations, %d unexplained" % (done, len(wrong)))
    else:
        unittest.main()
