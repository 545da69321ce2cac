"""Models: values, one Protocol, and everything that touches the network."""
