"""How fast, how small, how soon: `python -m benchmarks`."""
