"""What will be asked for: forecasts over many series at once, each with how sure it is, judged at past ends. Pure."""
