package cli

import (
	"errors"

	"github.com/urfave/cli/v2"

	"deployconstants/stages/manifest"
	"deployconstants/stages/scan"
)

var manifestFlag = &cli.StringFlag{Name: "manifest", Usage: "write a line for everything that was looked at or changed to `FILE`, compressed if it ends in .zst"}

// A manifestFile is the manifest of a command; nil: it keeps none.
type manifestFile struct{ *manifest.Writer }

// openManifest makes the file that --manifest names.
func openManifest(c *cli.Context) (*manifestFile, error) {
	name := c.String("manifest")
	if name == "" {
		return nil, nil
	}
	w, err := manifest.Create(name)
	if err != nil {
		return nil, err
	}
	return &manifestFile{w}, nil
}

// line adds a line; close tells of an error.
func (m *manifestFile) line(line any) {
	if m != nil {
		_ = m.Write(line) // sticky
	}
}

// scan adds the line of an event, if it has one.
func (m *manifestFile) scan(e scan.Event) {
	if m != nil && e.InManifest() {
		m.line(manifest.OfScan(e))
	}
}

func (m *manifestFile) close() error {
	if m == nil {
		return nil
	}
	err := m.Close()
	if err != nil {
		err = errors.Join(errors.New("the manifest is not whole"), err)
	}
	return err
}
