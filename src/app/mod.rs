//! Puts everything together: the only place that names both domains and backends; never a rule of a domain.
