"""Plans of dispatch become shipments."""
