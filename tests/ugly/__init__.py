"""The folder of deliberately ugly deliveries: one or more per known problem of real exports, made anew for each run."""
