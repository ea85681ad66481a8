"""When the stand-in controller looks again."""

from airtune.testing.ome_attention import Attention


def test_a_new_object_and_a_changed_one_are_looked_at():
    attention = Attention()
    assert attention.is_due("a", "1", 0.0)
    attention.done("a", "1")

    assert not attention.is_due("a", "1", 1e9)
    assert attention.is_due("a", "2", 0.0)


def test_after_failures_the_pauses_grow_and_the_last_one_stays():
    attention, now, seen = Attention(), 0.0, []
    for _ in range(4):
        seen.append(attention.failed("a", "1", now, (15.0, 60.0, 240.0)))
        assert not attention.is_due("a", "1", now + seen[-1] - 0.1)
        now += seen[-1]
        assert attention.is_due("a", "1", now)

    assert seen == [15.0, 60.0, 240.0, 240.0]


def test_success_forgets_the_failures():
    attention = Attention()
    attention.failed("a", "1", 0.0, (15.0, 60.0))
    attention.done("a", "1")

    assert attention.failed("a", "1", 0.0, (15.0, 60.0)) == 15.0


def test_a_look_can_be_asked_for_later():
    attention = Attention()
    attention.done("a", "1", again_at=60.0)

    assert not attention.is_due("a", "1", 59.0)
    assert attention.is_due("a", "1", 60.0)


def test_what_is_gone_is_forgotten():
    attention = Attention()
    attention.done("a", "1")
    attention.keep(set())

    assert attention.is_due("a", "1", 0.0)
