"""The time of day by which evidence is written down, with clocks that are set under it."""

import time

import pytest

from media.wall import SteadyWall, steady_wall

NOON = 1_800_000_000.0


class Machine:
    """Its clock is off by `wrong`, and was started with it at `counted` = 5."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.wrong = wrong
        self.passed = 0.0
        self.wall = SteadyWall(NOON + wrong, 5.0)

    def after(self, seconds: float) -> float:
        """Seconds by which the time of day is off when so many more have passed."""
        for _ in range(round(seconds * 4)):
            self.passed += 0.25
            said = self.wall.at(NOON + self.passed + self.wrong, 5.0 + self.passed)
        return round(said - NOON - self.passed, 3)


@pytest.mark.parametrize("step", [3600.0, -3600.0, 1.0])
def test_a_clock_that_is_wrong_for_a_while_is_not_followed(step: float) -> None:
    machine = Machine()
    machine.wrong = step
    assert machine.after(59) == 0.0
    machine.wrong = 0.0
    assert machine.after(120) == 0.0


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_clock_that_was_put_right_is_believed_after_a_minute(step: float) -> None:
    machine = Machine(wrong=step)
    machine.wrong = 0.0
    assert machine.after(59) == step
    assert machine.after(2) == 0.0
    assert machine.after(60) == 0.0


def test_a_clock_that_is_set_again_and_again_is_not_followed() -> None:
    machine = Machine()
    for minute in range(1, 6):
        machine.wrong = 100.0 * minute
        assert machine.after(40) == 0.0
    assert machine.after(21) == 500.0


def test_a_clock_that_is_slewed_is_followed() -> None:
    machine = Machine()
    for _ in range(100):
        machine.wrong += 0.01
        assert machine.after(1) == round(machine.wrong, 3)


def test_a_machine_says_the_time_of_its_clock() -> None:
    wall = steady_wall()
    before = time.time()
    assert before - 0.001 <= wall() <= time.time() + 0.001
