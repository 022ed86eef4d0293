"""What sgsync costs on the wire, against the 2017 way of doing it: `make bench`, docs/performance.md."""
