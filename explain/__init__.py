"""Why a face got its score: evidence maps that add up to the logit, and pictures of them.

Every function takes arrays, never a file or a model.
"""
