package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"deployconstants/xtc"
)

// SmallData is the directory of the small files, below that of the XTC files.
const SmallData = "smalldata"

// A Listing is the runs of one experiment as they are on disk.
type Listing struct {
	Dir  string
	Runs []ListedRun // ascending

	Stats    int   // how many files were looked at
	SmallErr error // why smalldata could not be listed; the runs then have big files only
}

// A ListedRun is the files of one run. It has files, or a reason to have none.
type ListedRun struct {
	Run   int
	Files []ListedFile // as GroupRuns sorts them

	InProgress bool    // the name of a file ends in .inprogress: it is being written, or was left behind
	Touched    int64   // UTC ns since 1970, when the last of those was written; math.MaxInt64 where that cannot be told
	Offline    int     // links that lead nowhere, as to files on tape, and files that went while listing
	Problems   []error // *fs.PathError of files that cannot be looked at, or are no regular files
}

// A ListedFile is a regular file, or a link to one.
type ListedFile struct {
	Name          string // below Listing.Dir: "e665-r0260-s00-c00.xtc", "smalldata/e665-r0260-s00-c00.smd.xtc"
	Prefix        string
	Stream, Chunk int
	Size          int64 // bytes
	ModTime       int64 // UTC ns since 1970
}

// Small reports whether this is a small data file.
func (f ListedFile) Small() bool { return strings.HasPrefix(f.Name, SmallData+"/") }

// RunFiles returns the files in the order in which ReadRun reads them.
func (r ListedRun) RunFiles(dir string) RunFiles {
	files := RunFiles{Run: r.Run, Files: make([]FileName, len(r.Files))}
	var paths strings.Builder // one piece of memory
	paths.Grow(r.pathBytes(dir))
	for i, f := range r.Files {
		begin := paths.Len()
		paths.WriteString(dir)
		paths.WriteByte('/')
		paths.WriteString(f.Name)
		files.Files[i] = FileName{Path: paths.String()[begin:], Prefix: f.Prefix, Run: r.Run, Stream: f.Stream, Chunk: f.Chunk, Small: f.Small()}
	}
	return files
}

// pathBytes returns the length of all paths.
func (r ListedRun) pathBytes(dir string) int {
	size := 0
	for _, f := range r.Files {
		size += len(dir) + 1 + len(f.Name)
	}
	return size
}

// Prefix returns what the names of the experiment's files begin with: "e665" for
// an experiment of the table, else its name.
func (e Experiment) Prefix() string { return e.filePrefix() }

// ListRuns lists the runs in a directory of XTC files whose names begin with the
// prefix. Nothing is opened but the directory and its smalldata: files are looked
// up in them one by one, through links. Other names are ignored.
//
// Of each stream and chunk the small file serves where the big one is gone;
// preferSmall turns that round. The error is that of the system for the directory.
func ListRuns(dir, prefix string, preferSmall bool) (Listing, error) {
	l := runLister{listing: Listing{Dir: dir}, prefix: prefix}
	big, err := openDirectory(dir)
	if err != nil {
		return l.listing, err
	}
	defer big.Close()
	if err := l.read(big, false); err != nil {
		return l.listing, err
	}
	small, err := openDirectoryAt(big.fd, SmallData, filepath.Join(dir, SmallData))
	if err == nil {
		defer small.Close()
		err = l.read(small, true)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.listing.SmallErr = err
	}
	l.choose(big, small, preferSmall)
	return l.listing, nil
}

type runLister struct {
	listing Listing
	prefix  string // of the files
	entries []runEntry
}

// A runEntry is a file of some run.
type runEntry struct {
	name               string
	run, stream, chunk int
	small, unfinished  bool
}

// read takes the names of a directory that follow the rule.
func (l *runLister) read(d *directory, small bool) error {
	extension := ".xtc"
	if small {
		extension = ".smd.xtc"
	}
	unfinished := extension + ".inprogress"
	prefix := []byte(l.prefix + "-r")
	list, err := d.entries(func(name []byte) bool {
		if !bytes.HasPrefix(name, prefix) {
			return false
		}
		dot := bytes.IndexByte(name, '.')
		return dot > 0 && (string(name[dot:]) == extension || string(name[dot:]) == unfinished)
	})
	if err != nil {
		return err
	}
	l.entries = slices.Grow(l.entries, len(list))
	for _, entry := range list {
		file := ParseFileName(entry.name)
		if len(file.Prefix) != len(l.prefix) {
			continue
		}
		l.entries = append(l.entries, runEntry{
			name: entry.name, run: file.Run, stream: file.Stream, chunk: file.Chunk,
			small: small, unfinished: strings.HasSuffix(entry.name, unfinished),
		})
	}
	return nil
}

// choose looks the files up, of each stream and chunk the preferred ones first.
func (l *runLister) choose(big, small *directory, preferSmall bool) {
	slices.SortStableFunc(l.entries, func(a, b runEntry) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.stream, b.stream), cmp.Compare(a.chunk, b.chunk),
			compareBool(a.small != preferSmall, b.small != preferSmall))
	})
	files := make([]ListedFile, 0, len(l.entries)) // of all runs: it never moves
	for i := 0; i < len(l.entries); {
		run := ListedRun{Run: l.entries[i].run}
		begin := len(files)
		for i < len(l.entries) && l.entries[i].run == run.Run {
			// The entries of one stream and chunk: mostly one, or one and its small file.
			first, served := l.entries[i], len(files)
			for ; i < len(l.entries) && l.entries[i].run == run.Run && l.entries[i].stream == first.stream && l.entries[i].chunk == first.chunk; i++ {
				e := &l.entries[i]
				if len(files) > served && e.small != files[served].Small() {
					continue
				}
				dir := big
				if e.small {
					dir = small
				}
				if e.unfinished {
					run.InProgress = true
					run.Touched = max(run.Touched, l.touched(dir, e))
					continue
				}
				if file, ok := l.look(dir, e, &run); ok {
					files = append(files, file)
				}
			}
		}
		run.Files = files[begin:len(files):len(files)]
		l.listing.Runs = append(l.listing.Runs, run)
	}
}

// look looks one file up.
func (l *runLister) look(dir *directory, e *runEntry, run *ListedRun) (ListedFile, bool) {
	l.listing.Stats++
	var st unix.Stat_t
	err := dir.stat(e.name, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		run.Offline++
		return ListedFile{}, false
	case err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG:
		err = xtc.ErrNotRegular
	}
	if err != nil {
		run.Problems = append(run.Problems, &fs.PathError{Op: "stat", Path: filepath.Join(dir.path, e.name), Err: err})
		return ListedFile{}, false
	}
	name := e.name
	if e.small {
		name = SmallData + "/" + name
	}
	return ListedFile{Name: name, Prefix: l.prefix, Stream: e.stream, Chunk: e.chunk, Size: st.Size, ModTime: st.Mtim.Nano()}, true
}

// touched looks up when an unfinished file was written last.
func (l *runLister) touched(dir *directory, e *runEntry) int64 {
	l.listing.Stats++
	var st unix.Stat_t
	if dir.stat(e.name, &st) != nil { // it may have got its last name meanwhile
		return math.MaxInt64
	}
	return st.Mtim.Nano()
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
