"""PAR capacity warehouse: the work of a night, one module per step, without any Airflow import."""
