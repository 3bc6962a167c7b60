"""The same as `iotctl change-sample-frequency`, as the earlier tool spelled it.

Example:
    iotctl changeSampleFrequency -s crane-7 -f 50
"""  # noqa: N999 - it is the word that people know

from cli.change_sample_frequency import command

__all__ = ["command"]
