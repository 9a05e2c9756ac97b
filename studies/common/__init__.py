"""What all studies share: how runs are kept and started, statistics, measures, data, pages."""
