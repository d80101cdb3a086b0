// Package digest remembers the SHA-256 of files by their identity, so that the
// content of a file that did not change is never read twice.
//
//	cache, err := digest.Load(state.Digests())
//	if err != nil {
//		warn(err) // the cache is empty, and usable
//	}
//	sum, stat, err := cache.Sum(ctx, path, open)
//	...
//	err = cache.Save(ctx)
//
// # On disk
//
// One zstd stream of JSON lines, in this very form, sorted within their kind:
//
//	{"digests":1}                                                     format version
//	{"sum":"<64 hex digits>","ino":7,"size":9,"mtime":1,"ctime":2,"idle":0,"path":"/..."}
//	{"idle":0,"verdict":"<text>","key":"<text>"}
//
//	member   unit           meaning
//	sum                     SHA-256 of the content
//	ino                     inode
//	size     bytes
//	mtime    ns since 1970  of the content
//	ctime    ns since 1970  of the inode; undo restores mtime, so that ctime counts
//	idle     saves          since the entry was last asked for
//	verdict                 what a judge of contents said, see Verdict
//
// # Guarantees
//
// A digest is given without reading only if path, inode, size, mtime and ctime are
// what they were when the content was read. What had changed less than 100 ms before
// it was read, or 2 s where times are whole seconds, is not remembered: it may change
// again within the resolution of the clock of its file system ("racily clean"). The
// device is not looked at: it differs between hosts that mount one file system.
//
// The file is published whole (package atomicfile). Processes that save at the same
// time lose at most what others of them learned meanwhile, never anything true.
//
// # Limits
//
// A file of more than 64 MiB, or 512 MiB decompressed, a line of another form and a
// stream that is cut are ErrDamaged: then the cache is empty and the next Save
// replaces the file. Paths and texts that are no UTF-8 are remembered in memory
// only. Entries that were not asked for in 30 saves are dropped.
package digest
