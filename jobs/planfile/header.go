package planfile

// Format is the version of the format that this package writes and reads.
const Format = 1

// Header is the first line of a plan: what it was made from.
type Header struct {
	Format        int    `json:"format"` // set by NewWriter
	Tool          string `json:"tool"`
	Settings      string `json:"settings"`       // fingerprint of what decides
	Repository    string `json:"repository"`     // digest of the listing, hex
	Ledger        string `json:"ledger"`         // digest of the records, hex
	RepositoryDir string `json:"repository_dir"` // for people: apply takes its own
	Zone          string `json:"zone"`           // of stamps, IANA
}

// Summary is the last line of a plan.
type Summary struct {
	Items       int            `json:"items"`
	Experiments int            `json:"experiments"` // with items
	Directories int            `json:"directories"`
	Counts      map[Action]int `json:"counts"` // items by action; only actions that occur
}

// Changes returns how many items apply would carry out.
func (s Summary) Changes() int {
	changes := 0
	for action, count := range s.Counts {
		if action.Changes() {
			changes += count
		}
	}
	return changes
}
