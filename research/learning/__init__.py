"""Training of models on history: samples, the trading loop as an environment, learners, walk forward, artifacts."""
