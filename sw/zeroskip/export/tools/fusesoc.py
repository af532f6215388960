PARTS=None
EXAMPLE=None
def files(bundle): return {}
