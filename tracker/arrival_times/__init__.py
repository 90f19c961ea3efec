"""When stops are reached: prediction, learning, grading, routing, backtest."""
