"""What web processes are copied from: all imported and made, nothing begun. See `supervising.copies_of_a_ready_process`."""

from portal.app import make_for_copies

make_for_copies()
