"""Judges how far two clocks are apart."""

from datetime import timedelta

from weir.doctor.finding import Finding, failure, ok, warning

#: Less is the time that asking takes.
WARNED_SKEW = timedelta(seconds=2)
#: Readings from the future are refused a day ahead; tokens end in minutes.
FAILED_SKEW = timedelta(seconds=60)
_REMEDY = "timedatectl set-ntp true    # on the machine whose clock is wrong"


def judge_skew(subject: str, skew: timedelta, resolution: timedelta = timedelta()) -> Finding:
    """Tell whether a clock that is `skew` ahead of ours may stay so.

    `resolution`: how exactly it was read.
    """
    distance = max(abs(skew) - resolution, timedelta())
    if distance < WARNED_SKEW:
        return ok(subject, "its clock agrees with this one")
    seconds = f"{abs(skew).total_seconds():.0f} s"
    told = f"its clock is {seconds} {'ahead of' if skew > timedelta() else 'behind'} this one"
    if distance < FAILED_SKEW:
        return warning(subject, told, _REMEDY)
    return failure(subject, told, _REMEDY)
