//! The command line: one subcommand a file; never what a command works on.
