package calibdir

// A ListedFile is a file that a finder of psana considers, with the runs for which
// it is read as the finder takes them.
type ListedFile struct {
	Name       string
	Begin, End int64 // both included; End may lie before Begin: the file is never read
}

// Files returns the files in the order of preference: the first that covers a run
// is the one that psana reads, runs above MaxRun taken as MaxRun except by the C++
// finder. The caller owns the slice.
func (l Listing) Files() []ListedFile {
	files := make([]ListedFile, len(l.files))
	for i, f := range l.files {
		files[i] = ListedFile{Name: f.name, Begin: f.begin, End: f.end}
	}
	return files
}

// ListCxx reads the names of a directory as psana's C++ modules do: its Select is
// PickCxx.
func ListCxx(names []string) Listing {
	var files []listed
	for _, name := range names {
		if file, ok := parseListedCxx(name); ok {
			files = append(files, file)
		}
	}
	return Listing{files: byPreference(files)}
}
