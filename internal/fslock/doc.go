// Package fslock takes advisory locks on files, for processes of one or several
// hosts that work in the same directories.
//
//	file, err := os.OpenFile(path, os.O_RDWR, 0)
//	...
//	defer file.Close() // ends the lock
//	err = fslock.File(ctx, file, 30*time.Second)
//	switch {
//	case errors.Is(err, fslock.ErrUnsupported): // go on without
//	case err != nil:                            // errors.Is(err, fslock.ErrHeld): try again later
//	}
//
// The locks are Linux open-file-description locks (fcntl F_OFD_SETLK) on the
// whole file: they belong to the opened file rather than to the process, so they
// exclude goroutines of one process too, end when the file is closed or the
// process dies, and reach other hosts through NFS and through Lustre mounted
// with "flock". They are independent of flock(2).
//
// # Lock files
//
// Hold takes a file that is there for its lock only, and writes one line of JSON
// into it, so that those who wait are told by whom it is held:
//
//	held, err := fslock.Hold(ctx, "<state>/locks/xpptut15.lock", fslock.Holder{Host: host, PID: pid, Since: now}, time.Minute)
//	...
//	defer held.Release()
//	if held.Unlocked { // warn once: no locks on this file system
//
// Lock files are never removed: a name that goes away while others wait for its
// file would let two hold it.
//
// # Limits
//
// A lock is advice: it makes waiting orderly. What must stay correct where locks
// do not work (Lustre "noflock", NFS without a lock service) has to rest on
// link(2) or rename(2) besides. Lustre mounted with "localflock" and NFS with
// "local_lock" exclude only processes of the same host, which cannot be seen
// from here.
package fslock
