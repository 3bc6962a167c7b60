"""Hypothesis settings of the codec's tests: no deadline, because machines of CI are shared."""

from hypothesis import settings

settings.register_profile("codec", deadline=None, max_examples=100)
settings.load_profile("codec")
