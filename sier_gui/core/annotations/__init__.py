"""What people say about samples: labels, flags, comments, marked spans and regions; with who and when.

with open_store(catalogue) as store:
    store.apply(Change("Anna", "s1", Kind.LABEL, "sad"))  # returns when it is on the disk
    store.apply(Step("Anna", back=True))  # undone, which is an event too
"""
