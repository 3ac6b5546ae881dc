"""Hold a firm's policy as data: what is kept for how long and by which rule, who may do what, who is told when."""
