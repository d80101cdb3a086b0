package ledger

// row is one row of a segment; the package documentation explains the columns. It
// is the wire format: do not change it without changing formatVersion.
//
// Exact times are integers, because DuckDB shortens TIMESTAMP(NANOS) in UTC to
// microseconds; an unknown time is NULL.
type row struct {
	Experiment  string    `parquet:"experiment,dict"`
	Instrument  string    `parquet:"instrument,dict"`
	Dir         string    `parquet:"dir,dict"`
	Run         int32     `parquet:"run"`
	Begin       int64     `parquet:"begin_run,optional,dict,timestamp(microsecond)"`
	ConfigureNS int64     `parquet:"configure_ns,optional,dict"`
	BeginNS     int64     `parquet:"begin_run_ns,optional,dict"`
	Source      string    `parquet:"source,dict"`
	Alias       string    `parquet:"alias,dict"`
	Type        string    `parquet:"type,dict"`
	ID          string    `parquet:"id,dict"`
	IDIsName    bool      `parquet:"id_is_name"`
	Class       string    `parquet:"class,dict"`
	Version     int32     `parquet:"version"`
	SourceCause string    `parquet:"source_cause,dict"`
	Cause       string    `parquet:"cause,dict"`
	ScannedNS   int64     `parquet:"scanned_ns,optional,dict"`
	Files       []fileRow `parquet:"files,list"`
}

type fileRow struct {
	Name    string `parquet:"name,delta"`
	Size    int64  `parquet:"size"`
	ModTime int64  `parquet:"mtime_ns"`
}

// The columns that are read, by their number in the schema of row.
const (
	colExperiment = iota
	colInstrument
	colDir
	colRun
	_ // begin_run is begin_run_ns for people
	colConfigure
	colBegin
	colSource
	colAlias
	colType
	colID
	colIDIsName
	colClass
	colVersion
	colSourceCause
	colCause
	colScanned
	colFileName
	colFileSize
	colFileModTime
)

// Part of the wire format, do not change.
const (
	formatKey     = "deploy_constants.ledger"   // its value is formatVersion
	formatVersion = "1"                         // segments of another are refused
	replacesKey   = "deploy_constants.replaces" // names of the segments that a compaction read, with commas between
)

// Sizes of row groups. The writer ends one at the first run that reaches
// groupRows; the reader refuses what the writer cannot have made.
const (
	groupRows    = 1 << 17
	maxGroupRows = groupRows + maxSources + 1
	groupFiles   = 1 << 19
	maxGroupList = groupFiles + maxFiles + maxGroupRows // entries of files, and rows without
)
