"""From a request to a result: blocks of elements, scored and counted in parts that merge."""
