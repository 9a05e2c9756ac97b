"""F(s): the fluctuation function of detrended fluctuation analysis, on any array library."""
