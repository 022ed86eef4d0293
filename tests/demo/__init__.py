"""`make demo`: the product at work on two emulated regions, one titled and checked step at a time."""
