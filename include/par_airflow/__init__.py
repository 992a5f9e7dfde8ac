"""Airflow around the warehouse: its home below the data folder, and a night run on one machine."""
