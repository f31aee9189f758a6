"""What web processes are copied from: everything imported and made, nothing begun. See `serving.copies_of_a_ready_process`."""

from portal.app import make_for_copies

make_for_copies()
