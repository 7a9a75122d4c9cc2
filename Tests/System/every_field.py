# SPDX-License-Identifier: Apache-2.0
"""Objects in which every field stands that we take, none in another's way. For test_every_field.py."""
import json


def probe(h, **k):
    return {**h, "initialDelaySeconds": 1, "periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 3, **k}

HTTP = {"httpGet": {"host": "127.0.0.1", "path": "/x", "port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "X-A", "value": "b"}]}}
SEL = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}
TERM = {"labelSelector": SEL, "namespaceSelector": SEL, "namespaces": ["default"], "topologyKey": "kubernetes.io/hostname", "matchLabelKeys": ["rev"], "mismatchLabelKeys": ["other"]}
NODE = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}], "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["podlab"]}]}
SECC = {"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True, "seLinuxOptions": {"level": "s0", "role": "r", "type": "t", "user": "u"},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"}, "appArmorProfile": {"type": "Localhost", "localhostProfile": "p"}}
RES = {"limits": {"cpu": "500m", "memory": "64Mi", "ephemeral-storage": "1Gi"}, "requests": {"cpu": "100m", "memory": "32Mi"}}
CONTAINER = {"name": "app", "image": "busybox:1.36", "command": ["sh"], "args": ["-c", "sleep 1"], "workingDir": "/", "imagePullPolicy": "IfNotPresent",
    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "stdin": True, "stdinOnce": True, "tty": True,
    "restartPolicy": "Never", "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}],
    "env": [{"name": "A", "value": "x"},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k", "optional": True}}},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        {"name": "D", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        {"name": "E", "valueFrom": {"resourceFieldRef": {"containerName": "app", "resource": "limits.cpu", "divisor": "1m"}}},
        {"name": "F", "valueFrom": {"fileKeyRef": {"volumeName": "empty", "path": "f", "key": "K", "optional": True}}}],
    "envFrom": [{"prefix": "P_", "configMapRef": {"name": "cm", "optional": True}}, {"secretRef": {"name": "s", "optional": True}}],
    "ports": [{"name": "web", "containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1", "protocol": "TCP"}],
    "livenessProbe": probe(HTTP, successThreshold=1, terminationGracePeriodSeconds=3), "readinessProbe": probe({"grpc": {"port": 81, "service": "s"}}, successThreshold=2),
    "startupProbe": probe({"tcpSocket": {"host": "127.0.0.1", "port": "web"}}, successThreshold=1, terminationGracePeriodSeconds=3),
    "lifecycle": {"postStart": {"exec": {"command": ["true"]}}, "preStop": {"sleep": {"seconds": 1}}, "stopSignal": "SIGTERM"},
    "resources": RES, "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
    "securityContext": {**SECC, "allowPrivilegeEscalation": False, "privileged": False, "procMount": "Default", "readOnlyRootFilesystem": True, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}},
    "volumeMounts": [{"name": "empty", "mountPath": "/e", "readOnly": True, "recursiveReadOnly": "IfPossible", "mountPropagation": "None", "subPath": "a"},
        {"name": "host", "mountPath": "/h", "subPathExpr": "$(A)"}]}
ITEM = [{"key": "k", "path": "p", "mode": 256}]
DOWN = [{"path": "labels", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"}, "mode": 256}, {"path": "cpu", "resourceFieldRef": {"containerName": "app", "resource": "limits.cpu", "divisor": "1m"}}]
POD = {"apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "full", "generateName": "full-", "namespace": "default", "labels": {"app": "web"}, "annotations": {"a": "b"}, "finalizers": ["example.com/f"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "o", "uid": "u-1", "controller": True, "blockOwnerDeletion": True}],
        "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 3, "generation": 1, "resourceVersion": "1", "selfLink": "x", "uid": "u",
        "managedFields": [{"apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:x": {}}, "manager": "m", "operation": "Update", "subresource": "status", "time": "2026-01-01T00:00:00Z"}]},
    "spec": {"activeDeadlineSeconds": 60, "automountServiceAccountToken": False, "containers": [CONTAINER, {"name": "two", "image": "busybox"}],
        "initContainers": [{"name": "init", "image": "busybox", "restartPolicy": "Always", "livenessProbe": {"exec": {"command": ["true"]}}, "startupProbe": {"exec": {"command": ["true"]}}},
            {"name": "init2", "image": "busybox"}],
        "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"], "searches": ["a.example"], "options": [{"name": "ndots", "value": "2"}]},
        "enableServiceLinks": True, "hostAliases": [{"ip": "10.0.0.2", "hostnames": ["h.example"]}], "hostIPC": False, "hostNetwork": False, "hostPID": False, "hostUsers": True,
        "hostname": "h", "subdomain": "sub", "setHostnameAsFQDN": False, "imagePullSecrets": [{"name": "pull"}], "nodeName": "podlab", "nodeSelector": {"kubernetes.io/os": "linux"},
        "os": {"name": "linux"}, "overhead": {"cpu": "10m"}, "preemptionPolicy": "Never", "priority": 0, "priorityClassName": "low", "readinessGates": [{"conditionType": "example.com/g"}],
        "resources": {"limits": {"cpu": "1", "memory": "128Mi"}, "requests": {"cpu": "200m", "memory": "64Mi"}}, "restartPolicy": "Never", "schedulerName": "default-scheduler", "schedulingGates": [],
        "securityContext": {**SECC, "fsGroup": 1000, "fsGroupChangePolicy": "Always", "supplementalGroups": [1001], "supplementalGroupsPolicy": "Merge", "seLinuxChangePolicy": "MountOption", "sysctls": [{"name": "net.core.somaxconn", "value": "128"}]},
        "serviceAccountName": "default", "serviceAccount": "default", "shareProcessNamespace": False, "terminationGracePeriodSeconds": 5,
        "tolerations": [{"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 3}],
        "topologySpreadConstraints": [{"maxSkew": 1, "minDomains": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SEL, "matchLabelKeys": ["rev"], "nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [NODE]}, "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": NODE}]},
            "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM], "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": TERM}]},
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM], "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": TERM}]}},
        "volumes": [{"name": "empty", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi", "mode": 511}}, {"name": "host", "hostPath": {"path": "/tmp", "type": "Directory"}},
            {"name": "cm", "configMap": {"name": "cm", "defaultMode": 420, "optional": True, "items": ITEM}}, {"name": "sec", "secret": {"secretName": "s", "defaultMode": 420, "optional": True, "items": ITEM}},
            {"name": "down", "downwardAPI": {"defaultMode": 420, "items": DOWN}}, {"name": "img", "image": {"reference": "busybox:1.36", "pullPolicy": "IfNotPresent"}},
            {"name": "proj", "projected": {"defaultMode": 420, "sources": [{"configMap": {"name": "cm", "optional": True, "items": ITEM}}, {"secret": {"name": "s", "optional": True, "items": [{"key": "k", "path": "p2", "mode": 256}]}},
                {"downwardAPI": {"items": DOWN}}, {"serviceAccountToken": {"audience": "a", "expirationSeconds": 3600, "path": "token"}}]}}]}}
POD = json.loads(json.dumps(POD))  # no part stands twice: what is spoiled in one place is whole in another
OBJECTS = [POD,
 {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": {"a": "b"}}, "type": "Opaque", "immutable": True, "data": {"a": "YQ=="}, "stringData": {"b": "x"}},
 {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "annotations": {"a": "b"}}, "immutable": True, "data": {"a": "x"}, "binaryData": {"b": "YQ=="}},
 {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "c"}, "automountServiceAccountToken": True, "secrets": [{"name": "x", "namespace": "n", "kind": "Secret", "apiVersion": "v1", "fieldPath": "x", "resourceVersion": "1", "uid": "u"}], "imagePullSecrets": [{"name": "p"}]},
]
