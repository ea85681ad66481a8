"""The examples that come with airtune are tasks, one for each launcher that they name."""

from fractions import Fraction
from pathlib import Path

import pytest

from airtune.task import load_task
from airtune.task.quantity import amount

FOLDER = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "launcher", "engine"),
    [
        ("local_smollm2.json", "local", "llama_cpp"),
        ("docker_task.json", "docker", "sglang"),
        ("docker_vllm.yaml", "docker", "vllm"),
        ("docker_llamacpp.json", "docker", "llama_cpp"),
        ("kubernetes_llamacpp.yaml", "kubernetes", "llama_cpp"),
        ("simple_task.json", "ome", "sglang"),
        ("ome_sglang_slo.yaml", "ome", "sglang"),
    ],
)
def test_example_is_a_task(name, launcher, engine):
    task = load_task(FOLDER / name, launcher=launcher)

    assert (task.launcher, task.engine) == (launcher, engine)
    assert task.sentences()


def test_no_two_examples_share_a_name():
    names = [load_task(path).task_name for path in FOLDER.iterdir() if path.is_file()]

    assert len(set(names)) == len(names)


def test_the_demo_has_one_load_point_and_six_configurations():
    task = load_task(FOLDER / "local_smollm2.json")

    assert len(task.load_points) == 1
    assert len(task.parameters["parallel"].values) * len(task.linked[0].values) == 6


def test_the_docker_demo_asks_what_the_local_one_does():
    here, there = (load_task(FOLDER / f"{n}.json") for n in ("local_smollm2", "docker_llamacpp"))
    same = ("engine_args", "parameters", "linked", "optimization", "benchmark")

    assert all(getattr(here, field) == getattr(there, field) for field in same)
    assert there.model.in_image.rpartition("/")[2] == here.model.path.rpartition("/")[2]


def test_the_example_for_kubernetes_asks_what_the_docker_demo_does():
    here, there = (
        load_task(FOLDER / name) for name in ("docker_llamacpp.json", "kubernetes_llamacpp.yaml")
    )
    same = ("engine_args", "parameters", "linked", "image", "image_tag")

    assert all(getattr(here, field) == getattr(there, field) for field in same)
    assert there.model.in_image == here.model.in_image


def test_the_example_for_kubernetes_fits_a_node_with_two_cores():
    pods = load_task(FOLDER / "kubernetes_llamacpp.yaml").kubernetes
    asked = amount(pods.requests["cpu"]) + amount(pods.client.requests["cpu"])

    assert asked <= Fraction(3, 2)


def test_the_demos_image_is_the_one_that_is_built():
    task = load_task(FOLDER / "docker_llamacpp.json")
    dockerfile = (FOLDER.parent / "docker" / "llama-cpp.Dockerfile").read_text()

    assert f"-t {task.image}:{task.image_tag}" in dockerfile
