"""Output formats, one file each: a module with a class `Report` adds one."""
