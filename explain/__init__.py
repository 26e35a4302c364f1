"""Why a face got its score: evidence maps that add up to the logit, pictures of them, and experiments that check them.

Functions take arrays and, where they must score again, a callable; only the commands (`python -m explain.noise_floor`,
`.compare_fills`, `.faithfulness`) and what they measure on and with (`.bench`, `.trials`, `.randomization`) know files,
the detector or its network.
"""
