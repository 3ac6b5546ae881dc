"""The contracts between core and plugins, a module each; plugin authors import them from `ticktrail.plugin`."""
