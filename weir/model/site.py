"""Where devices are: the names and bounds of organisations and sites."""

#: Organisations and sites have slugs: what is in addresses and on command lines.
SLUG_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
#: Every installation has it from the beginning.
DEFAULT_ORGANISATION = "default"
#: Where devices land that nobody has assigned; made by the first migration.
UNASSIGNED_SITE = "unassigned"
#: Of a name for people, of sites and of devices.
NAME_LENGTH_MAX = 200
