from airtune.launchers.cores import device_cores, free_cpus
from airtune.records import parse_devices


def test_a_server_runs_on_the_cores_of_its_cpu_sets() -> None:
    assert device_cores(parse_devices("cpu4-5,cpu2")) == (2, 4, 5)


def test_gpus_and_fakes_pin_nothing() -> None:
    assert device_cores(parse_devices("gpu0..3,fake0")) == ()


def test_the_client_gets_the_cores_of_no_device() -> None:
    inventory = parse_devices("cpu1,cpu2-3")
    assert free_cpus(inventory[:1], inventory, host=range(6)) == (0, 4, 5)


def test_where_devices_have_every_core_the_client_takes_those_of_other_trials() -> None:
    inventory = parse_devices("cpu0,cpu1")
    assert free_cpus(inventory[:1], inventory, host=range(2)) == (1,)


def test_where_nothing_is_left_the_client_is_not_pinned() -> None:
    inventory = parse_devices("cpu0-1")
    assert free_cpus(inventory, inventory, host=range(2)) == ()


def test_gpus_leave_all_cores_to_the_client() -> None:
    inventory = parse_devices("gpu0..1")
    assert free_cpus(inventory[:1], inventory, host=range(4)) == (0, 1, 2, 3)
