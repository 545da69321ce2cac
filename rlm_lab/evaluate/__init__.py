"""Many runs on one question, beside simpler methods: sweeps, baselines, and quality against the length of the input."""
