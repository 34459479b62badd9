"""The frame of Studio: what every page of it shares. The pages themselves are in each package's own `studio`."""
