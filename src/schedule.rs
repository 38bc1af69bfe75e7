//! Cron expressions: five fields, checked when a policy file is read; the service will run them.
