"""Keys of other tuners' task files that airtune refuses, and what to write instead."""

_BAYESIAN = 'Remove it; strategies are "grid_search" and "random".'
_DATASET = (
    "is not supported: requests are made by genai-bench from its own texts.",
    "Remove it and describe the lengths in traffic_scenarios, for example D(3800,200).",
)


def _renamed(field: str) -> tuple[str, str]:
    return f'is called "{field}" here.', f'Write it as "{field}".'


def _of_ome(field: str, kind: str) -> tuple[str, str]:
    return (
        f'is called "ome.{field}" here, and there are no presets for it.',
        f'Write the {kind}\'s spec as "ome": {{"{field}": {{…}}}}, or remove it and name one that '
        "is there.",
    )


FOREIGN: dict[str, tuple[str, str]] = {
    "storage": (
        "is not one field here: where a model lies depends on the launcher.",
        'In Kubernetes write "kubernetes": {"model_claim": {"claim": "<PVC>", "sub_path": '
        '"<folder>"}}; in OME give the (Cluster)BaseModel its storage, also by '
        '"ome": {"model_spec": {"storage": …}}; in Docker put the folder under the model root.',
    ),
    "gpu_type": (
        "is chosen by where trials run.",
        'In Kubernetes and OME write "kubernetes": {"gpu_product": "<the nodes\' label>"}; '
        "else choose the host by its DAG, and its devices by AIRTUNE_DEVICES or "
        "AIRTUNE_DOCKER_HOSTS.",
    ),
    "clusterbasemodel_config": _of_ome("model_spec", "model"),
    "clusterservingruntime_config": _of_ome("runtime_spec", "runtime"),
    "kubeconfig": _renamed("kubernetes.kubeconfig"),
    "kubeconfig_path": _renamed("kubernetes.kubeconfig"),
    "namespace": _renamed("model.namespace"),
    "node_selector": _renamed("kubernetes.node_selector"),
    "tolerations": _renamed("kubernetes.tolerations"),
    "image_pull_secrets": _renamed("kubernetes.image_pull_secrets"),
    "gpu_ids": (
        "is not a choice of the task: the lease gives each trial its devices.",
        "Remove it; list the host's devices in AIRTUNE_DEVICES or AIRTUNE_DOCKER_HOSTS.",
    ),
    "model_path": _renamed("model.root"),
    "shm_size": _renamed("container.shm_size"),
    "model_config": _renamed("model"),
    "optimization_config": _renamed("optimization"),
    "benchmark_config": _renamed("benchmark"),
    "slo_config": _renamed("slo"),
    "quantization": _renamed("quant_config"),
    "quantization_config": _renamed("quant_config"),
    "parameter_space": _renamed("parameters"),
    "fixed_parameters": _renamed("engine_args"),
    "optimization.n_initial_random": ("belongs to Bayesian search, which is not there.", _BAYESIAN),
    "optimization.study_name": (
        "is not chosen: a study is known by task_name and a hash of model, workload, objective "
        "and launcher.",
        "Remove it; the same task continues its study.",
    ),
    "optimization.storage": (
        "is not a choice of the task: all studies are in one store.",
        "Remove it and set AIRTUNE_STORE_URL for the installation.",
    ),
    "benchmark.dataset_url": _DATASET,
    "benchmark.dataset_path": _DATASET,
    "benchmark.dataset_deduplicate": (
        "belongs to dataset_url, which is not supported.",
        "Remove it.",
    ),
    "benchmark.slo_config": ("stands beside benchmark here.", 'Write it as top-level "slo".'),
    "benchmark.additional_request_params": _renamed("additional_params"),
    "slo.latency.p95": (
        "is not among the percentiles of the SLO.",
        'Write p90 or p99, or top-level "constraints": {"e2e_latency_ms": {"p95": 5000}} (ms).',
    ),
    "slo.throughput": (
        "is a hard bound here, not a penalty.",
        'Write top-level "constraints": {"output_tokens_per_s": 100}.',
    ),
    "slo.error_rate": (
        "is a hard bound here, not a penalty.",
        'Write top-level "constraints": {"error_rate": 0.01}.',
    ),
}
"""Dotted path of a key → why it is refused, and the fix."""

FOREIGN_WORDS: dict[tuple[str, str], str] = {
    ("optimization.strategy", "bayesian"): 'Write "random" with max_iterations, or "grid_search".',
    ("optimization.strategy", "tpe"): 'Write "random" with max_iterations, or "grid_search".',
    ("optimization.strategy", "optuna"): 'Write "random" with max_iterations, or "grid_search".',
    ("optimization.strategy", "random_search"): 'Write "random".',
    ("optimization.strategy", "grid"): 'Write "grid_search".',
    ("optimization.objective", "throughput"): 'Write "maximize_throughput".',
    ("optimization.objective", "latency"): 'Write "minimize_latency".',
    ("optimization.objective", "ttft"): 'Write "minimize_ttft".',
    ("optimization.objective", "tpot"): 'Write "minimize_tpot".',
}
"""Dotted path and value of a word that is refused → the fix."""
