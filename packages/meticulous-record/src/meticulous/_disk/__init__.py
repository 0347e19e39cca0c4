"""Every path and every write below the experiments directory."""
