//! Tests of recording and releasing over a store in memory.
