"""The stand-in's answer to an AdmissionReview."""

from airtune.testing.ome_webhook import review

REQUEST = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "7",
        "kind": {"kind": "InferenceService"},
        "namespace": "n",
        "object": {"metadata": {"name": "x"}},
    },
}


def test_what_nobody_objects_to_is_allowed():
    answer = review(REQUEST, lambda kind, one, namespace: "")

    assert answer["response"] == {"uid": "7", "allowed": True}
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")


def test_an_objection_is_the_refusals_text():
    answer = review(REQUEST, lambda kind, one, namespace: f"{kind} {one['metadata']} {namespace}")

    assert not answer["response"]["allowed"]
    assert answer["response"]["status"]["message"] == "InferenceService {'name': 'x'} n"
