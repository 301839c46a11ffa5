"""Whether a figure grows: a slope that a few outliers do not move."""
import statistics


def slope(xs, ys):
    """Theil and Sen: the median of the slopes between all pairs. A collection of garbage in between moves it little."""
    slopes = [(ys[j] - ys[i]) / (xs[j] - xs[i]) for i in range(len(xs)) for j in range(i + 1, len(xs)) if xs[j] != xs[i]]
    return statistics.median(slopes) if slopes else 0.0


def after_warm_up(samples, share):
    """Without the first so much."""
    return samples[int(len(samples) * share):]
