-- Prefect's own database, beside the program's, made when PostgreSQL starts for the first time.
CREATE DATABASE prefect;
