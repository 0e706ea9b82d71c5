"""What a player is given of each feed, as its budget and its asks change."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from media.layers import MARGIN, Ask, Chooser, Layer, next_wanted

LOW, MIDDLE, HIGH = 10, 11, 12


def feed(key, width=0, priority=0, current=None, bitrates=(150e3, 500e3, 1500e3)):
    """Simulcast in three layers: keys `key`, `key` + 1, `key` + 2."""
    widths = (320, 640, 1280)
    layers = tuple(Layer(key + n, rate, widths[n]) for n, rate in enumerate(bitrates))
    return Ask(layers, width, priority, current)


MAIN = feed(10)
TILES = [feed(20, 320, 1), feed(30, 320, 1), feed(40, 320, 1)]


class Player:
    """Asks whose `current` is what was last chosen."""

    def __init__(self, *asks):
        self.asks = list(asks)
        self.chooser = Chooser()
        self.switches = 0

    def given(self, budget, now):
        keys = self.chooser.choose(self.asks, budget, now)
        self.switches += sum(key != ask.current for key, ask in zip(keys, self.asks, strict=True))
        self.asks = [replace(ask, current=key) for key, ask in zip(keys, self.asks, strict=True)]
        return keys

    @property
    def keys(self):
        return [ask.current for ask in self.asks]


def test_no_slots_need_nothing():
    assert Chooser().choose([], 1e6, 0.0) == []
    assert next_wanted([]) == 0.0


def test_plenty_gives_the_highest_layer_at_once():
    assert Player(MAIN).given(5e6, 0.0) == [HIGH]


def test_everyone_is_seen_before_anyone_is_seen_better():
    player = Player(*TILES, MAIN)
    assert player.given(4 * 150e3 * MARGIN + 100e3, 0.0) == [20, 30, 40, LOW]


def test_the_main_picture_is_raised_first():
    player = Player(feed(20, 0, 1), MAIN)
    assert player.given((500e3 + 150e3) * MARGIN, 0.0) == [20, MIDDLE]


def test_equally_important_slots_rise_together():
    player = Player(feed(20, 0, 1), feed(30, 0, 1))
    assert player.given((500e3 + 500e3) * MARGIN, 0.0) == [21, 31]


def test_no_layer_is_larger_than_what_is_shown():
    shown = [(160, 20), (320, 20), (350, 20), (480, 21), (640, 21), (1366, 22), (1920, 22)]
    for width, key in shown:
        assert Player(feed(20, width)).given(5e6, 0.0) == [key], width


def test_a_layer_of_unknown_width_may_be_chosen_for_any_size():
    ask = Ask((Layer(1, 1e5, 0), Layer(2, 3e5, 0)), width=200)
    assert Player(ask).given(5e6, 0.0) == [2]


def test_a_picture_that_is_shown_smaller_comes_down_without_a_pause_for_growing_again():
    player = Player(MAIN)
    player.given(5e6, 0.0)
    player.asks = [replace(player.asks[0], width=320)]
    assert player.given(5e6, 1.0) == [LOW]
    player.asks = [replace(player.asks[0], width=1280)]
    assert player.given(5e6, 2.0) == [HIGH]


def test_a_publisher_without_simulcast_is_taken_whole_or_not_at_all():
    ask = Ask((Layer(7, 800e3, 1280),), width=160)
    assert Player(ask).given(1e6, 0.0) == [7]
    assert Player(ask).given(700e3, 0.0) == [None]


def test_what_does_not_flow_is_not_chosen():
    assert Player(feed(10, bitrates=(150e3, 0, 0))).given(5e6, 0.0) == [LOW]
    assert Player(feed(10, bitrates=(0, 500e3, 0))).given(5e6, 0.0) == [MIDDLE]
    assert Player(feed(10, bitrates=(0, 0, 0))).given(5e6, 0.0) == [None]


def test_a_layer_that_stops_is_left_for_the_best_below_it():
    player = Player(MAIN)
    player.given(5e6, 0.0)
    player.asks = [feed(10, current=HIGH, bitrates=(150e3, 500e3, 0))]
    assert player.given(5e6, 1.0) == [MIDDLE]


def test_tiles_go_dark_before_the_main_picture():
    player = Player(MAIN, *TILES)
    player.given(5e6, 0.0)
    assert player.keys == [HIGH, 20, 30, 40]
    seen = [player.given(budget, 1.0) for budget in (1e6, 600e3, 450e3, 310e3, 150e3, 149e3)]
    assert seen == [
        [MIDDLE, 20, 30, 40],
        [LOW, 20, 30, 40],
        [LOW, 20, 30, None],
        [LOW, 20, None, None],
        [LOW, None, None, None],
        [None, None, None, None],
    ]


def test_a_dear_picture_does_not_darken_those_that_still_fit():
    dear = Ask((Layer(1, 2.5e6, 1280),))
    assert Player(dear, *TILES).given(500e3, 0.0) == [None, 20, 30, 40]


def test_a_budget_just_over_the_need_is_kept_but_not_climbed_to():
    player = Player(MAIN)
    assert player.given(1500e3 * 1.1, 0.0) == [MIDDLE]
    assert player.given(1500e3 * MARGIN + 1, 1.0) == [HIGH]
    assert player.given(1500e3 * 1.01, 2.0) == [HIGH]
    assert player.given(1500e3 * 0.99, 3.0) == [MIDDLE]


def test_after_a_step_down_the_next_step_up_waits():
    player = Player(MAIN)
    player.given(5e6, 0.0)
    player.given(600e3, 100.0)
    assert player.given(5e6, 102.9) == [MIDDLE]
    assert player.given(5e6, 103.1) == [HIGH]


def test_the_wait_grows_when_steps_up_prove_too_bold():
    player, now, waits = Player(MAIN), 0.0, []
    player.given(5e6, now)
    for _ in range(6):
        now += 1.0
        player.given(600e3, now)
        lowered = now
        while player.given(5e6, now) != [HIGH]:
            now += 0.25
        waits.append(now - lowered)
    assert waits == [6.0, 12.0, 24.0, 48.0, 48.0, 48.0]


def test_coming_down_in_several_moves_counts_as_one_bold_step():
    player = Player(MAIN)
    player.given(5e6, 0.0)
    player.given(600e3, 1.0)
    player.given(200e3, 1.1)
    player.given(100e3, 1.2)
    assert player.given(5e6, 7.1) == [LOW]
    assert player.given(5e6, 7.3) == [HIGH]


def test_a_dark_slot_is_lit_sooner_than_others_are_raised():
    player = Player(MAIN)
    player.given(5e6, 0.0)
    player.given(100e3, 100.0)
    assert player.keys == [None]
    assert player.given(5e6, 100.9) == [None]
    assert player.given(5e6, 101.1) == [LOW]
    assert player.given(5e6, 103.1) == [HIGH]


def test_who_takes_the_floor_is_seen_at_once_even_after_a_step_down():
    player = Player(MAIN)
    player.given(5e6, 0.0)
    player.given(600e3, 100.0)
    player.asks = [feed(50)]
    assert player.given(600e3, 100.1) == [50]


def test_a_new_main_picture_takes_from_a_tile_what_it_needs():
    player = Player(feed(20, 0, 1), feed(10, 320, 0))
    assert player.given(2e6, 0.0) == [22, LOW]
    player.asks = [replace(player.asks[0], priority=1), replace(player.asks[1], width=0)]
    assert player.given(2e6, 1.0) == [20, HIGH]


def test_a_noisy_budget_does_not_make_it_swing():
    for mean in (1.5e6, 1.6e6, 1.725e6, 1.9e6):
        noise, player = random.Random(7), Player(MAIN)
        for tick in range(6000):  # ten minutes
            player.given(mean * noise.uniform(0.8, 1.2), tick / 10)
        assert player.switches <= 2 * 16, mean


def test_a_budget_noisy_within_the_margin_makes_one_switch():
    noise, player = random.Random(7), Player(MAIN)
    for tick in range(6000):
        player.given(1.62e6 * noise.uniform(0.93, 1.06), tick / 10)
    assert player.switches == 1


BITRATES = st.one_of(st.just(0.0), st.floats(1e3, 5e6))
ASKS = st.lists(
    st.builds(
        lambda base, layers, width, priority, current: Ask(
            tuple(Layer(base + n, *layer) for n, layer in enumerate(layers)),
            width,
            priority,
            None if current is None else base + current,
        ),
        st.integers(0, 1000).map(lambda n: n * 10),
        st.lists(st.tuples(BITRATES, st.sampled_from([0, 320, 640, 1280])), max_size=4),
        st.integers(0, 2000),
        st.integers(0, 3),
        st.one_of(st.none(), st.integers(0, 4)),
    ),
    max_size=6,
    unique_by=lambda ask: ask.layers[0].key if ask.layers else id(ask),
)


def rising(layers):
    rates = sorted(layer.bitrate for layer in layers)
    return tuple(la._replace(bitrate=rate) for la, rate in zip(layers, rates, strict=True))


def cost(asks, keys):
    flat = {layer.key: layer.bitrate for ask in asks for layer in ask.layers}
    return sum(flat[key] for key in keys if key is not None)


@given(ASKS, st.lists(st.tuples(st.floats(-1e5, 1e7), st.floats(0, 30)), min_size=1, max_size=20))
def test_a_choice_never_costs_more_than_the_budget_and_only_takes_what_flows(asks, budgets):
    chooser, now = Chooser(), 0.0
    for budget, later in budgets:
        now += later
        keys = chooser.choose(asks, budget, now)
        assert cost(asks, keys) <= max(0.0, budget) * (1 + 1e-9)
        for key, ask in zip(keys, asks, strict=True):
            assert key is None or key in [la.key for la in ask.layers if la.bitrate > 0]
        asks = [replace(ask, current=key) for ask, key in zip(asks, keys, strict=True)]


@given(ASKS, st.floats(0, 1e7))
def test_a_steady_budget_is_settled_at_once(asks, budget):
    chooser = Chooser()
    for now in range(3):
        keys = chooser.choose(asks, budget, now * 100.0)
        asks = [replace(ask, current=key) for ask, key in zip(asks, keys, strict=True)]
    for now in range(3, 20):
        assert chooser.choose(asks, budget, now * 100.0) == keys


@given(ASKS)
def test_what_is_wanted_next_buys_a_step_up(asks):
    asks = [replace(a, layers=rising(a.layers)) for a in asks]
    asks = [replace(a, current=k) for a, k in zip(asks, Chooser().choose(asks, 0, 0), strict=True)]
    chooser, now = Chooser(), 0.0
    for _ in range(30):
        wanted = next_wanted(asks)
        if not wanted:
            break
        now += 100.0
        keys = chooser.choose(asks, wanted * (1 + 1e-9), now)
        assert keys != [ask.current for ask in asks]
        asks = [replace(ask, current=key) for ask, key in zip(asks, keys, strict=True)]
    assert next_wanted(asks) == 0.0
    assert chooser.choose(asks, 1e9, now + 100.0) == [ask.current for ask in asks]
