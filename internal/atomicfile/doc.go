// Package atomicfile publishes files on storage that many hosts read while one
// writes: whole or not at all, with group, mode and access control list already
// right, and durable when the call returns.
//
//	root, err := os.OpenRoot(calibDir)
//	...
//	made, err := atomicfile.MkdirAll(root, "Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/gain", 0o2775, -1)
//	...
//	result, err := atomicfile.Publish(root, "Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/gain/0-end.data", src,
//		atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true})
//
// # How a file is published
//
//	step                         on failure
//	create a temporary O_EXCL    -
//	write, hash                  remove the temporary
//	chgrp, chmod, ACL            remove the temporary
//	fsync, close                 remove the temporary
//	take the name                remove the temporary, unless the name is ours after all
//	fsync of the directory       ErrNotDurable: the new file is in place
//
// A new name is taken with renameat2(RENAME_NOREPLACE) and, where the file
// system does not know that (NFS), with link(2) and unlink(2) of the temporary:
// neither ever overwrites a file that somebody else put there meanwhile. An
// existing file is replaced with rename(2). On NFS the reply to a call that
// worked may be lost; an error of these three is therefore believed only when
// the name does not lead to our temporary.
//
// Temporaries lie in the directory of their target and are called
//
//	.tmp-<host>-<pid>-<number>
//
// so their names begin with a dot and never end in ".data": no reader of
// constants takes one for a file of its own. Every publication first removes
// those of dead processes of this host, and those of any host that are older
// than a day. A process in another PID namespace of the same host name counts as
// dead; it then fails with an error, and never publishes a part of a file.
//
// # Many files at once
//
// A Batch does the same for many files in step: all are staged, synced together,
// take their names in the order of the calls of Take, and are made durable by one
// Settle. From eight files on a file system is synced as a whole (syncfs) where that
// makes files as durable as fsync does and tells of errors: ext4, XFS, Btrfs and
// tmpfs under Linux 5.8 and later; elsewhere each is. A batch can also
// restore a file with mode, group, list and modification time as they were, and
// remove one, if it is still the file that was looked at.
//
// # What it refuses
//
// Nothing is followed or written through: a target that is a symbolic link, a
// directory or a special file, or that the caller may not write, is refused
// before anything is made. All names are resolved below an *os.Root: a symbolic
// link among their directories that leads out of it is ErrLeadsOut, by its name.
//
// # Limits
//
// The owner of a replaced file becomes the caller, hard links to it keep the old
// content, and extended attributes other than system.posix_acl_access are not
// kept. A group that the caller is no member of cannot be kept: ErrGroup. A process
// killed between making a directory and setting its mode leaves the umask's. The
// package takes no lock but that of AppendLine and CheckAppend on their file.
package atomicfile
