"""A PersistentVolume that is a node's folder, and its claim: no StorageClass is needed."""

from airtune.testing.ome_merge import Json


def a_volume(volume: str, path: str, namespace: str, claim: str, node: str) -> Json:
    """A PersistentVolume ``volume`` for one claim: the folder ``path`` of ``node``."""
    wanted = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    terms = [{"matchExpressions": [wanted]}]
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {"namespace": namespace, "name": claim},
        "hostPath": {"path": path},
        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
    }
    metadata = {"name": volume}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def a_claim(namespace: str, name: str, volume: str) -> Json:
    """The PersistentVolumeClaim that takes it."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "volumeName": volume,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
