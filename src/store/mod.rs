//! The store layer: backends that implement the ports of the domains; never a rule of a domain.
