package repo

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"
)

// checkAliases looks through the alias files of a type and returns the records
// that count.
func (c *checker) checkAliases(t DetType) (records []aliasRecord) {
	err := c.withFiles(t.Name, func(files aliasFiles) error {
		return c.withTable(t.Name, files, func(table aliasTable) error {
			records = table.records()
			c.checkTable(t, table, records)
			return nil
		})
	})
	switch {
	case errors.Is(err, ErrAliasFile):
		c.add(UnsafeAliases, t.Name, "%v", err)
	case err != nil:
		c.addFailure(t.Name, err)
	}
	return records
}

// checkTable looks through each alias file, and for contradictions of the two.
func (c *checker) checkTable(t DetType, table aliasTable, records []aliasRecord) {
	for _, name := range []string{aliasFile, hiddenAliasFile} {
		if list := table[name]; list != nil {
			c.checkAliasFile(t.Name+"/"+name, list.raw)
		}
	}
	for _, record := range records {
		if _, _, err := table.find(record.id); err != nil {
			c.add(AliasConflict, t.Name+"/"+aliasFile, "%v", err)
		}
	}
}

// checkAliasFile reads line by line what allocation reads tolerantly.
func (c *checker) checkAliasFile(name string, raw []byte) {
	byID := map[string]aliasRecord{}
	owners := map[int]aliasRecord{}
	for i, line := range bytes.FieldsFunc(raw, func(c rune) bool { return c == '\n' || c == '\r' }) {
		record, ok := parseAliasLine(line)
		if !ok {
			if text := bytes.TrimSpace(line); len(text) > 0 && text[0] != '#' {
				c.add(DamagedRecord, name, "record %d: %q", i+1, clip(string(line)))
			}
			continue
		}
		earlier, known := byID[record.id]
		switch {
		case !known:
			byID[record.id] = record
		default:
			c.add(DuplicateID, name, "id %s has the aliases %s, which counts, and %s", clip(record.id), earlier.alias, record.alias)
		}
		n, numbered := record.number()
		owner, taken := owners[n]
		switch {
		case !numbered:
			c.add(DamagedRecord, name, "alias %s of id %s is no number", record.alias, clip(record.id))
		case !taken:
			owners[n] = record
		case owner.id != record.id:
			c.add(SharedAlias, name, "alias %s belongs to %s and %s", record.alias, clip(owner.id), clip(record.id))
		}
	}
}

// checkClaims looks for allocations that died: bound, but not in the alias file.
func (c *checker) checkClaims(t DetType) {
	claims := t.Name + "/" + claimDir
	if !c.hasClaims(t.Name) {
		return
	}
	names, err := c.names(claims)
	if err != nil {
		c.addFailure(claims, err)
		return
	}
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, claimTemp):
			c.checkTemporary(claims+"/"+name, appendGrace)
		case strings.HasPrefix(name, bindingPrefix):
			c.checkBinding(t, claims+"/"+name)
		case !isDigits(name):
			c.add(StrayName, claims+"/"+name, "not a claim")
		}
	}
}

func (c *checker) checkBinding(t DetType, name string) {
	line, written, err := c.readClaim(name)
	if err != nil {
		c.addFailure(name, err)
		return
	}
	record, ok := parseAliasLine(line)
	if !ok || !strings.HasSuffix(name, "/"+bindingName(record.id)) {
		c.add(DamagedRecord, name, "does not hold the record of its id")
		return
	}
	view, err := c.view(Panel{Type: t, ID: record.id})
	found := view.found && view.record.id == record.id
	switch {
	case err != nil: // found elsewhere
	case found && !sameAlias(view.record, record):
		c.add(AliasConflict, name, "id %s is %s here, but %s in the alias file", clip(record.id), record.alias, view.record.alias)
	case !found && time.Since(written) > appendGrace:
		c.add(Leftover, name, "alias %s of %s is claimed, but not in the alias file: the next use completes it", record.alias, clip(record.id))
	}
}

// firmwareFields says which field of a panel's id is the firmware version, and of
// how many: it may change while the panel stays.
var firmwareFields = map[string]struct{ index, count int }{
	"epix100a":     {0, 7}, // version, carrier, digital and analog card, two numbers each
	"epix10ka":     {0, 7},
	"epix10kaquad": {0, 7},
	"epix10ka2m":   {0, 7},
	"jungfrau":     {1, 3}, // module version, firmware version, serial number
}

// checkTwins looks for panels whose ids differ in the firmware version alone: their
// constants are split in two.
func (c *checker) checkTwins(t DetType, ids []string) {
	slices.Sort(ids)
	first := map[string]string{}
	for _, id := range slices.Compact(ids) {
		hardware, ok := t.WithoutFirmware(id)
		if !ok {
			continue
		}
		if twin, known := first[hardware]; known {
			c.add(TwoIDs, t.Name, "ids %s and %s are one panel with two firmware versions", clip(twin), clip(id))
			continue
		}
		first[hardware] = id
	}
}

// WithoutFirmware removes the firmware version from the id of each panel: ids that
// are equal but for it are of one detector. It returns false if the id has none.
func (t DetType) WithoutFirmware(id string) (string, bool) {
	firmware, known := firmwareFields[t.Name]
	panels := strings.Split(id, "_")
	for i, panel := range panels {
		fields := strings.Split(panel, "-")
		if !known || len(fields) != firmware.count {
			return "", false
		}
		panels[i] = strings.Join(slices.Delete(fields, firmware.index, firmware.index+1), "-")
	}
	return strings.Join(panels, "_"), true
}

// clip keeps messages readable; sixteen panels make a long id.
func clip(text string) string {
	const longest = 160
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}
