"""How anything looks: text, style, facts of an experiment, layout of a table."""
