"""`mesh ctl`: what a person does to a mesh that runs, from a terminal, with the broker alone."""
