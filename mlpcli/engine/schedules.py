"""Learning-rate schedules: functions from t, the share of training done (0..1), to a factor (0..1).
To add one: write it, add a line to SCHEDULES."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, log2, pi

Schedule = Callable[[float], float]


def constant(t: float) -> float:
    return 1.0


def step(t: float) -> float:
    """A tenth after half of the training, a hundredth after three quarters."""
    return 1.0 if t < 0.5 else 0.1 if t < 0.75 else 0.01


def cosine(t: float) -> float:
    """Loshchilov & Hutter 2016, without restarts."""
    return (1 + cos(pi * t)) / 2


def one_cycle(t: float) -> float:
    """Smith & Topin 2017: up from a 25th over the first three tenths, then down to zero along a cosine."""
    if t < 0.3:
        return 0.04 + 0.96 * (1 - cos(pi * t / 0.3)) / 2
    return (1 + cos(pi * (t - 0.3) / 0.7)) / 2


def coslog4(t: float) -> float:
    """RealMLP, arXiv 2407.04491: four cycles, each longer than the one before."""
    return (1 - cos(2 * pi * log2(1 + 15 * t))) / 2


def with_warmup(schedule: Schedule, share: float) -> Schedule:
    """A straight climb from 0 over the first share of training, then the whole schedule over the rest."""
    if share == 0:
        return schedule
    return lambda t: t / share * schedule(0.0) if t < share else schedule((t - share) / (1 - share))


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "coslog4": coslog4,
}
