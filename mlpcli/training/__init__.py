"""From a data set and settings to trained networks: preparation, the loop, the ensemble, what it tells about itself."""
