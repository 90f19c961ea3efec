"""What goes into which carton, and how, and how boxes lie on a pallet."""
